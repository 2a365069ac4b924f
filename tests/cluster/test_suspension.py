"""A machine that was suspended: every process of the platform stands still, and goes on."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from cluster.health.observer.client import latest
from cluster.health.progress import SILENT_AFTER
from cluster.operations.plan import Wanted
from compose import lock
from compose.leftovers import send_signal
from compose.run_directory import RunDirectory
from compose.supervisor import process_tree
from config.environment import run_directory
from tests.cluster.cluster import Cluster
from tests.conditions import eventually

ENDS = "SELECT extract(epoch FROM max(rolvaliduntil))::float8 FROM pg_roles WHERE rolcanlogin"


@contextmanager
def suspended() -> Iterator[None]:
    """Stop the supervisor and all that it runs, for the length of the block."""
    holder = lock.holder(RunDirectory(run_directory()).lock_file)
    assert holder is not None
    stopped: list[int] = []
    try:
        # A process that started another one before it was stopped itself is found by a second look.
        while found := [pid for pid in process_tree(holder["supervisor"]) if pid not in stopped]:
            for pid in found:
                send_signal(pid, signal.SIGSTOP)
            stopped += found
        yield
    finally:
        for pid in stopped:
            send_signal(pid, signal.SIGCONT)


def until_all_count_as_silent(_cluster: Cluster) -> float:
    return time.time() + SILENT_AFTER + 1


def until_every_login_has_expired(cluster: Cluster) -> float:
    services = ("site", "identity", "catalog", "orders", "payments", "checkout")
    return max(float(cluster.rows(name, ENDS)[0][0]) for name in services) + 1


@pytest.mark.platform
@pytest.mark.fault
@pytest.mark.full  # in every run, tests/health/observer/test_clock_set_back.py
@pytest.mark.timeout(400)
@pytest.mark.parametrize("until", [until_all_count_as_silent, until_every_login_has_expired])
def test_a_suspended_machine_goes_on_where_it_stood(
    cluster: Cluster, until: Callable[[Cluster], float]
) -> None:
    sagas = cluster.start_checkouts(40, Wanted.MIXED)
    cluster.await_in_flight(sagas, at_least=1)
    wakes = until(cluster)
    with suspended():
        eventually(lambda: time.time() > wakes, within=240.0)

    def is_steady() -> bool:
        snapshot = latest()
        return snapshot is not None and snapshot.state == "steady" and not snapshot.open_outages

    assert cluster.await_ended(sagas).total() == len(sagas)
    eventually(is_steady, within=60.0)
    cluster.assert_conserved()
