"""`cluster status` shows whole names in a narrow terminal, and shortens other columns."""

from __future__ import annotations

import io
import re
import signal
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from cluster.health.probes.broker import QueueDepth
from cluster.health.vitals import LeasedRole, Vitals
from cluster.messaging.heartbeats import Heartbeat
from cluster.operations.status import ClusterStatus, Part
from cluster.operations.status_view import show_status
from cluster.payments.provider_api import KeyKind
from cluster.payments.provider_keys import Rotations
from compose.backups.status import BackupStatus
from compose.supervisor import ProcessState
from config.environment import DATABASES

PROCESSES = [
    *(f"{kind}-{name}" for kind in ("postgres", "worker", "relay") for name in DATABASES),
    "payments-gateway",
    "chaos-runner",
]
QUEUES = [f"{name}.{queue}" for name in DATABASES for queue in ("inbox", "dead", "tasks")]


def process(name: str) -> ProcessState:
    return ProcessState(name, 1234567, "running", 359999.0, 12, signal.SIGTERM, 5.0, is_server=True)


def vitals(name: str) -> Vitals:
    processes = [f"worker-{name}", *(["payments-gateway"] if name == "payments" else [])]
    return Vitals(
        outbox=123456,
        outbox_age=99.0,
        parked=12345,
        dead_letters=20000,
        dead_letters_waiting=10000,
        heartbeats=tuple(Heartbeat(one, 1.0, consuming=True, detail={}) for one in processes),
        leases=(LeasedRole("v-1", f"{name}_service", remaining=40.0, sessions=12),),
    )


def shown(width: int, backups: BackupStatus | None = None) -> str:
    status = ClusterStatus(
        Part([process(name) for name in PROCESSES]),
        Part([QueueDepth(name, 123456, 1) for name in QUEUES]),
        {name: Part(vitals(name)) for name in DATABASES},
        (),
        backups=backups,
    )
    out = io.StringIO()
    show_status(status, Console(file=out, width=width, highlight=False))
    return out.getvalue()


@pytest.mark.parametrize("width", [60, 80, 100, 160, 240])
def test_no_name_is_cut_however_narrow_the_terminal_is(width: int) -> None:
    text = shown(width)
    assert "…" not in text
    for name in (*PROCESSES, *QUEUES, *DATABASES):
        assert re.search(rf"(?m)(?<![\w.-]){re.escape(name)}(?![\w.-])", text), name


@pytest.mark.parametrize("width", [80, 160])
def test_a_pid_stands_on_the_line_of_its_process(width: int) -> None:
    for name in PROCESSES:
        assert re.search(rf"(?m)\b{name} +1234567\b", shown(width)), name


def test_the_age_of_the_providers_keys_is_shown_and_a_rotation_that_waits() -> None:
    hours_ago = datetime.now(UTC) - timedelta(hours=3)
    status = ClusterStatus(
        Part([]), Part([]), {name: Part(vitals(name)) for name in DATABASES}, (),
        provider_keys=Part(
            {
                KeyKind.API_KEY: Rotations(hours_ago, fulfilled=1, wished=1),
                KeyKind.WEBHOOK_SECRET: Rotations(None, fulfilled=0, wished=2),
            }
        ),
    )  # fmt: skip
    out = io.StringIO()
    show_status(status, Console(file=out, width=100, highlight=False))
    assert "API key 3 h old\n" in out.getvalue()
    assert "Webhook secret of unknown age; a rotation is wanted\n" in out.getvalue()


def test_a_wide_terminal_shows_two_processes_a_line() -> None:
    assert len(re.findall("1234567", shown(240).splitlines()[2])) == 2
    assert len(re.findall("1234567", shown(80).splitlines()[2])) == 1


def test_the_last_backup_its_age_and_its_proof_are_on_one_line() -> None:
    ago = datetime.now(UTC) - timedelta(hours=5)
    backups = BackupStatus(directory="/mnt", ended=ago, archived=ago, verified=ago)
    line = "Backups the last one 5 h ago, verified; changes up to 5 h ago"
    assert line in shown(200, backups)
    assert "Backups" not in shown(200)
