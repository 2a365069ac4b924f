"""The watchdog replaces a worker that does no work. No process, no clock."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.watchdog.replacement import BOUND, LONGEST_PAUSE, PAUSE, Replacement
from cluster.health.observer.snapshot import Process, Snapshot
from cluster.health.progress import Stalled
from tests.conditions import eventually


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def seen(*, faults: Any = (), stalls: Any = (), **changes: Any) -> Snapshot:
    usual: dict[str, Any] = {
        "name": "worker-orders",
        "kind": "worker",
        "service": "orders",
        "status": "running",
        "healthy": False,
        "words": "",
    }
    return Snapshot(
        at="",
        state="degraded",
        words="",
        troubles=[],
        processes=[Process(**{**usual, **changes})],
        services=[],
        links=[],
        outages=[],
        faults=list(faults),
        stalls=list(stalls),
    )


@pytest.fixture
def after() -> Callable[..., list[str]]:
    """A function that returns the processes replaced when each time (s) shows the same snapshot."""

    def look(*times: float, snapshot: Snapshot | None) -> list[str]:
        clock, replaced = Clock(), []
        replacement = Replacement(restart=lambda _: "", clock=clock)
        for clock.now in times:
            replaced += replacement.look(snapshot)
        return replaced

    return look


def test_a_worker_that_does_no_work_for_long_is_replaced_once(after: Callable[..., Any]) -> None:
    assert after(0, BOUND - 1, snapshot=seen()) == []
    assert after(0, BOUND, BOUND + 1, snapshot=seen()) == ["worker-orders"]
    assert after(0, BOUND, BOUND + PAUSE, snapshot=seen()) == ["worker-orders"] * 2


def test_nobody_else_is_replaced(after: Callable[..., Any]) -> None:
    assert after(0, BOUND, snapshot=None) == []
    assert after(0, BOUND, snapshot=seen(faults=[object()])) == []
    for changes in ({"healthy": None}, {"healthy": True}, {"status": "paused"}, {"kind": "relay"}):
        assert after(0, BOUND, snapshot=seen(**changes)) == []


STALLED = Stalled(
    queue="orders.inbox", service="orders", worker="worker-orders", seconds=31.0, words="It rests."
)


def test_the_worker_of_a_stalled_queue_is_replaced_at_once(after: Callable[..., Any]) -> None:
    assert after(0, 1, snapshot=seen(stalls=[STALLED])) == ["worker-orders"]
    assert after(0, snapshot=seen(stalls=[STALLED], faults=[object()])) == []
    assert after(0, snapshot=seen(stalls=[STALLED], healthy=True)) == []


@settings(max_examples=20)
@given(st.floats(min_value=1.0, max_value=30.0))
def test_a_stall_that_no_replacement_mends_is_tried_again_ever_more_rarely(every: float) -> None:
    clock, at = Clock(), list[float]()
    replacement = Replacement(restart=lambda _: "", clock=clock)
    while clock.now < 6 * LONGEST_PAUSE:
        at += [clock.now for _ in replacement.look(seen(stalls=[STALLED]))]
        clock.now += every
    pauses = [later - earlier for earlier, later in pairwise(at)]
    assert all(
        pause >= min(LONGEST_PAUSE, PAUSE * 2**number) for number, pause in enumerate(pauses)
    )
    assert len(at) <= 10


def test_a_replacement_that_has_helped_for_long_is_forgotten(after: Callable[..., Any]) -> None:
    again = PAUSE + LONGEST_PAUSE
    stalled = seen(stalls=[STALLED])
    assert after(0, again, again + PAUSE, snapshot=stalled) == ["worker-orders"] * 3


def test_what_was_done_is_said() -> None:
    notes: list[tuple[str, str]] = []
    replacement = Replacement(
        restart=lambda process: f"{process} was restarted",
        note=lambda *noted: notes.append(noted),
        clock=Clock(),
    )
    replacement.look(seen(stalls=[STALLED], words="Its queue rests."))
    eventually(lambda: notes)
    assert notes == [("worker-orders", "Its queue rests. worker-orders was restarted")]
