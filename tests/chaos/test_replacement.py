"""Who is replaced, and when. No process, no clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from chaos.observer.snapshot import Process, Snapshot
from chaos.watchdog.replacement import BOUND, PAUSE, Replacement


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def seen(*, faults: Any = (), **changes: Any) -> Snapshot:
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
    )


@pytest.fixture
def after() -> Callable[..., list[str]]:
    """Who is replaced when the same is seen at each of these times (seconds)."""

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
