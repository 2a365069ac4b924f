"""A clock that is set back by an hour neither keeps an outage open nor hides one. No server."""

from __future__ import annotations

import asyncio
import signal
import time
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from cluster.health.observer.observer import Observer
from cluster.health.observer.outages import PAUSED
from cluster.health.observer.server import Server
from cluster.health.observer.snapshot import Snapshot
from cluster.health.observer.watch import Watch
from cluster.health.probes.probe import Answer, TimedOut
from compose.supervisor import ProcessState, Status
from config.environment import DATABASES
from tests.clock import Clock
from tests.conditions import eventually_async
from tests.observed import snapshot

HOUR = 3600.0
NOON = 1_800_000_000.0


@dataclass
class Silent:
    """A probe whose target never answers."""

    target: str

    def ask(self) -> Answer:
        raise TimedOut("no answer")

    def close(self) -> None: ...


@dataclass
class Seen:
    """An observer without threads, and the one process that its supervisor reports."""

    monkeypatch: pytest.MonkeyPatch
    now: float = NOON
    status: Status = "running"
    saved: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.observer = Observer(revision="")
        # Not started: nothing is asked.
        targets = ["rabbitmq", *(f"postgres-{name}" for name in DATABASES)]
        self.observer._watches = {target: Watch(Silent(target)) for target in targets}
        self.monkeypatch.setattr(self.observer.board, "report", lambda _: [self._state()])
        self.monkeypatch.setattr(self.observer.store, "save", self.saved.extend)

    def _state(self) -> ProcessState:
        return ProcessState("epmd", 7, self.status, 60.0, 0, signal.SIGTERM, 5.0, is_server=True)

    def tick(self, status: Status = "running", *, after: float = 0.25) -> None:
        self.now += after
        self.status = status
        self.observer.tick(self.now)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    found = Seen(monkeypatch)
    found.tick()
    return found


def test_an_outage_of_the_hour_that_was_taken_back_ends_when_the_process_is_well(
    seen: Seen,
) -> None:
    seen.tick("paused")
    seen.tick("paused", after=-HOUR)
    (outage,) = seen.observer.tracker.open_outages()
    assert outage.began == seen.now

    seen.tick()

    assert seen.observer.tracker.open_outages() == []
    ended = seen.saved[-1]
    assert (ended.id, ended.cause) == (outage.id, PAUSED)
    assert 0 <= ended.ended - ended.began < 1


def test_one_that_begins_afterwards_is_seen_at_once(seen: Seen) -> None:
    seen.tick(after=-HOUR)
    seen.tick("paused")
    (outage,) = seen.observer.tracker.open_outages()
    assert seen.now - 1 < outage.began <= seen.now


def test_an_hour_ahead_is_no_outage(seen: Seen) -> None:
    seen.tick(after=HOUR)
    seen.tick()
    assert seen.observer.tracker.open_outages() == []


def test_silence_counts_from_the_time_that_is_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """A probe that failed in the hour that was taken back would be patient for another hour."""
    clock = Clock(NOON + HOUR)
    monkeypatch.setattr("cluster.health.observer.watch.time", clock)
    watch = Watch(Silent("redis"))
    watch._ask()
    clock.now = NOON
    watch.start_over(NOON)
    watch._ask()
    assert watch.standing(NOON + 10.0).failing_since == NOON


def test_a_target_that_stood_still_with_the_observer_was_not_silent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A suspended machine: the answer to an open question comes too late when all wake."""
    clock = Clock(NOON)
    watch = Watch(Silent("redis"))

    def wake(_: Silent) -> Answer:
        clock.now += HOUR
        watch.start_over(clock.now)
        raise TimedOut("no answer")

    monkeypatch.setattr("cluster.health.observer.watch.time", clock)
    monkeypatch.setattr(Silent, "ask", wake)
    watch._ask()
    assert watch.standing(clock.now).failing_since == NOON + HOUR


class Steady:
    """An observer that sees no change, and counts its snapshots."""

    store = SimpleNamespace(save_gauges=lambda _: None)
    snapshots = 0

    def tick(self, now: float) -> bool:
        return False

    def snapshot(self, now: float) -> Snapshot:
        self.snapshots += 1
        return snapshot()


async def test_snapshots_go_on_at_their_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    wall = Clock(NOON)
    stand_in = SimpleNamespace(time=wall, monotonic=time.monotonic)
    monkeypatch.setattr("cluster.health.observer.server.time", stand_in)
    monkeypatch.setattr("cluster.health.observer.server.SNAPSHOT_EVERY", 0.01)
    observer = Steady()
    server = Server(observer)  # type: ignore[arg-type]
    running = asyncio.create_task(server._observe())
    await eventually_async(lambda: observer.snapshots >= 1)
    wall.now -= HOUR
    await eventually_async(lambda: observer.snapshots >= 3, within=10.0)
    running.cancel()
