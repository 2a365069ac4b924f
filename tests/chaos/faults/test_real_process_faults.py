"""Faults of processes on the running platform: the process really is as the fault says."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psycopg
import pytest

from chaos.faults.engine import Engine
from compose.supervisor import Supervisor, process_tree
from tests.conditions import eventually
from tests.conftest import Broken, superuser_address

pytestmark = [pytest.mark.platform, pytest.mark.fault]


def states(pid: int) -> set[str]:
    """The kernel's letters for what a process and its living children do; T is stopped.

    A session that has ended stays a zombie (Z) while its parent stands still.
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
    """Its sessions stand still and hold its memory: no other server starts until they go on."""
    supervisor = Supervisor.connect()
    pid = supervisor.pid("postgres-catalog")
    with broken("pause-process", "postgres-catalog"):
        os.kill(pid, signal.SIGKILL)  # by hand, so that nothing lets the sessions go on
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
