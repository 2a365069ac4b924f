"""The watchdog on the running platform ends every fault, whichever process has died."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial

import pytest

from chaos.faults.engine import Engine
from compose.supervisor import Supervisor
from config.environment import ROOT
from tests.conditions import eventually

pytestmark = [pytest.mark.platform, pytest.mark.fault]

# Injects a fault as the runner does, and dies before it can heal it.
INJECT_AND_DIE = """
import os, signal
from chaos.faults.engine import Engine
armed, _ = Engine().inject(fault="pause-process", target="redis", seconds=1.5, actor="a test")
print(armed.id, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def is_paused(process: str) -> bool:
    return Supervisor.connect().process(process).status == "paused"


def healed_by(engine: Engine, identifier: str) -> str:
    healed = engine.healed.of(identifier)
    return healed.by if healed and not engine.armed.has(identifier) else ""


def test_it_heals_what_an_injector_has_left_that_was_killed(real_engine: Engine) -> None:
    died = subprocess.run(
        [sys.executable, "-c", INJECT_AND_DIE],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert is_paused("redis")
    assert eventually(lambda: healed_by(real_engine, died.stdout.strip())) == "watchdog"
    assert not is_paused("redis")


def test_it_heals_also_when_it_was_killed_meanwhile(real_engine: Engine) -> None:
    armed, _ = real_engine.inject(
        fault="pause-process", target="relay-payments", seconds=1.5, actor="a test"
    )
    Supervisor.connect().kill("watchdog")
    assert eventually(lambda: healed_by(real_engine, armed.id)) == "watchdog"
    assert not is_paused("relay-payments")


def test_it_needs_neither_the_web_server_nor_the_broker_nor_the_sites_database(
    real_engine: Engine,
) -> None:
    dead = ["web", "rabbitmq", "postgres-site"]
    armed = [
        real_engine.inject(fault="pause-process", target=name, seconds=1.5, actor="a test")[0]
        for name in dead
    ]
    assert all(is_paused(name) for name in dead)
    for one in armed:
        assert eventually(partial(healed_by, real_engine, one.id)) == "watchdog"
    assert not any(is_paused(name) for name in dead)


def test_the_command_heals_at_once_what_is_armed_for_long(real_engine: Engine) -> None:
    armed, _ = real_engine.inject(
        fault="pause-process", target="relay-identity", seconds=50, actor="a test"
    )
    done = subprocess.run(
        [sys.executable, "manage.py", "chaos", "heal", "--json"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert (document["healed"], [one["id"] for one in document["faults"]]) == (True, [armed.id])
    assert healed_by(real_engine, armed.id) == "command"
    assert not is_paused("relay-identity")


def test_up_has_everything_healed_that_the_last_platform_left_broken(real_engine: Engine) -> None:
    """`up` runs this command once the servers answer, before other processes need them."""
    armed, _ = real_engine.inject(
        fault="read-only-database", target="identity", seconds=50, actor="a test"
    )
    command = [sys.executable, "-m", "chaos.watchdog", "--all"]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0
    assert healed_by(real_engine, armed.id) == "watchdog"
