"""Each fault of a process brings a process of the running platform into the declared state."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psycopg
import pytest

from chaos.faults.engine import Engine
from compose.supervisor import Supervisor, process_tree
from tests.conditions import eventually
from tests.conftest import Broken
from tests.databases import superuser_address

pytestmark = [pytest.mark.platform, pytest.mark.fault]


def states(pid: int) -> set[str]:
    """Return the kernel's letters for the states of a process and its children (T is stopped).

    Zombies (Z) are left out: an ended session stays one while its parent is stopped.
    """
    return {
        Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()[0]
        for one in process_tree(pid)
    } - {"Z"}


def answers(database: str) -> bool:
    try:
        with psycopg.connect(f"{superuser_address(database)}/{database}", connect_timeout=2):
            return True
    except psycopg.OperationalError:
        return False


def runs_anew(supervisor: Supervisor, process: str, before: int) -> bool:
    found = supervisor.process(process)
    return found.status == "running" and found.pid != before


@pytest.mark.parametrize("fault", ["kill-process", "restart-process"])
def test_what_was_ended_runs_again_as_another_process(broken: Broken, fault: str) -> None:
    supervisor = Supervisor.connect()
    before = supervisor.pid("relay-catalog")
    with broken(fault, "relay-catalog"):
        assert eventually(lambda: runs_anew(supervisor, "relay-catalog", before))


def test_a_paused_database_stands_still_with_all_its_sessions(broken: Broken) -> None:
    pid = Supervisor.connect().pid("postgres-orders")
    with broken("pause-process", "postgres-orders"):
        assert eventually(lambda: states(pid) == {"T"})
        assert not answers("orders")
    assert "T" not in states(pid)
    assert answers("orders")


def test_a_paused_database_that_is_killed_meanwhile_comes_back(broken: Broken) -> None:
    """Its stopped sessions hold its shared memory, so no new server starts before they go on."""
    supervisor = Supervisor.connect()
    pid = supervisor.pid("postgres-catalog")
    with broken("pause-process", "postgres-catalog"):
        os.kill(pid, signal.SIGKILL)  # without the driver, which would continue the sessions
        assert eventually(lambda: supervisor.process("postgres-catalog").pid != pid)
    assert eventually(lambda: answers("catalog"), within=30)


def test_a_paused_process_that_the_driver_kills_leaves_nobody_paused(
    broken: Broken, real_engine: Engine
) -> None:
    supervisor = Supervisor.connect()
    pid = supervisor.pid("postgres-catalog")
    with broken("pause-process", "postgres-catalog"):
        real_engine.driver.kill("postgres-catalog")
        assert eventually(lambda: runs_anew(supervisor, "postgres-catalog", pid))
        assert eventually(lambda: answers("catalog"), within=30)


def test_the_workers_of_an_unread_queue_are_paused(broken: Broken) -> None:
    pid = Supervisor.connect().pid("worker-payments")
    with broken("pause-queue", "payments"):
        assert eventually(lambda: states(pid) == {"T"})
    assert "T" not in states(pid)
