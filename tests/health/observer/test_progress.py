"""The observer finds stalled queues, and no stall where a known fault explains the wait."""

from __future__ import annotations

from typing import Any

import pytest

from cluster.health.observer.health import DEPTHS_FRESH, Evidence, judge, process
from cluster.health.observer.progress import Progress, with_stalls
from cluster.health.progress import SILENT_AFTER, STALLED_AFTER, Stall, claim_detail
from cluster.messaging.heartbeats import Heartbeat
from tests.health.observer.test_health import NOW, depths, evidence

QUEUE = "orders.inbox"
LATER = NOW + STALLED_AFTER + 1


def worker(
    now: float, *, held: float | None = None, settled: float = 500.0, **changes: Any
) -> Evidence:
    """Return the evidence of a worker of orders whose heartbeat reports on its queue."""
    beat = changes.pop("beat", None) or Heartbeat(
        "worker-orders", 0.0, True, {"queues": {QUEUE: claim_detail(held=held, settled=settled)}}
    )
    usual = {"now": now, "depths": depths(at=now, heartbeats=(beat,)), "running_since": NOW - 900}
    return evidence("worker-orders", **{**usual, **changes})


def looks(*seen: Evidence, ready: int = 3, unapplied: tuple[str, ...] = ()) -> list[list[Stall]]:
    progress = Progress()
    return [
        progress.look([one], ready={QUEUE: ready}, unapplied=unapplied, now=one.now) for one in seen
    ]


@pytest.fixture(autouse=True)
def supervised_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the clock from which ProcessState computes its start."""
    monkeypatch.setattr("compose.supervisor.time.time", lambda: NOW)


def test_a_full_queue_of_a_worker_that_settles_nothing_is_stalled() -> None:
    first, second = looks(worker(NOW), worker(LATER))
    assert first == []
    assert second == [Stall(queue=QUEUE, service="orders", worker="worker-orders", since=NOW)]


def test_a_message_that_came_to_a_queue_and_has_no_effect_counts_as_waiting() -> None:
    seen = (worker(NOW), worker(LATER))
    assert [len(found) for found in looks(*seen, ready=0, unapplied=(QUEUE,))] == [0, 1]
    assert looks(*seen, ready=0) == [[], []]


@pytest.mark.parametrize(
    "known",
    [
        {"broker_since": None},  # the broker is away
        {"broker_since": LATER - 1},  # the broker was away until a moment ago
        {"depths_since": None},  # its database is away
        {"running_since": None},  # it is paused, or has ended
        {"running_since": LATER - 1},
        {"depths": depths(at=LATER - DEPTHS_FRESH - 1)},
        {"beat": Heartbeat("worker-orders", SILENT_AFTER + 1, True, {})},  # the worker is silent
        {"beat": Heartbeat("worker-orders", 0.0, False, {})},  # it does not consume
    ],
)
def test_a_fault_that_is_known_is_no_stall(known: dict[str, Any]) -> None:
    assert looks(worker(NOW), worker(LATER, **known)) == [[], []]


def test_a_worker_that_was_paused_is_judged_from_when_it_went_on() -> None:
    paused = worker(NOW + 20, running_since=None)
    went_on = [worker(at, running_since=LATER) for at in (LATER, LATER + STALLED_AFTER)]
    *_, at_once, late = looks(worker(NOW), paused, *went_on)
    assert at_once == []
    assert [stall.since for stall in late] == [LATER]


def test_an_observer_that_did_not_look_itself_judges_nobody_by_that() -> None:
    progress = Progress()
    for now in (NOW, LATER):
        one = worker(now)
        assert progress.look([one], ready={QUEUE: 3}, now=now) == []
        progress.forget()


def test_the_worker_of_a_stalled_queue_does_no_work_and_says_why() -> None:
    stall = Stall(queue=QUEUE, service="orders", worker="worker-orders", since=NOW - 34)
    relay = evidence("relay-orders")
    stuck, other = with_stalls([evidence("worker-orders"), relay], [stall])
    verdict = judge(stuck)
    assert (verdict.healthy, verdict.at_fault_since) == (False, None)
    assert process(stuck, verdict).words == "The queue orders.inbox has not moved for 34 s."
    assert other == relay
