"""The one definition of a stalled queue, for any sequence of looks. No broker, no clock."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cluster.health.progress import (
    SILENT_AFTER,
    STALLED_AFTER,
    Claim,
    ProgressTracker,
    QueueLook,
    Stall,
    claim_detail,
    claims_of,
    stall_of,
)
from cluster.messaging.heartbeats import Heartbeat

NOW = 10_000.0
EVERY = 1.0  # seconds between two looks
seconds = st.floats(min_value=0.0, max_value=200.0)


def claim(**changes: Any) -> Claim:
    usual: dict[str, Any] = {
        "queue": "orders.inbox",
        "worker": "worker-orders",
        "told_at": NOW,
        "held_since": None,
        "settled_at": NOW - 3600,
    }
    return Claim(**{**usual, **changes})


def look(*claims: Claim, waiting: bool = True, able_since: float = 0.0) -> QueueLook:
    return QueueLook(
        queue="orders.inbox",
        service="orders",
        waiting=waiting,
        claims=claims,
        able_since=able_since,
    )


def follow(*looks: tuple[float, QueueLook]) -> list[list[Stall]]:
    tracker = ProgressTracker()
    return [tracker.look([one], now=now) for now, one in looks]


def test_a_queue_whose_messages_nobody_takes_is_stalled_from_their_arrival() -> None:
    *before, last = follow(
        *((NOW + t, look(claim(told_at=NOW + t))) for t in (0, 10, STALLED_AFTER - 1)),
        (NOW + STALLED_AFTER, look(claim(told_at=NOW + STALLED_AFTER))),
    )
    assert before == [[], [], []]
    assert last == [
        Stall(queue="orders.inbox", service="orders", worker="worker-orders", since=NOW)
    ]


def test_a_message_that_a_worker_holds_stalls_its_queue_though_the_broker_has_none_left() -> None:
    held = look(claim(held_since=NOW - STALLED_AFTER), waiting=False)
    found = stall_of(held)
    assert found is not None
    assert found.since == NOW - STALLED_AFTER
    assert found.words(NOW) == "The queue orders.inbox has not moved for 30 s."
    assert found.told(NOW).seconds == STALLED_AFTER


def test_the_one_that_is_held_stalls_it_although_others_overtake_it() -> None:
    overtaken = claim(held_since=NOW - STALLED_AFTER, settled_at=NOW - 0.1)
    assert stall_of(look(overtaken)) is not None


def test_the_worker_that_holds_the_oldest_is_the_one_to_replace() -> None:
    idle = claim(worker="worker-orders-1", settled_at=NOW)
    busy = claim(worker="worker-orders-2", held_since=NOW - 50)
    held = claim(worker="worker-orders-3", held_since=NOW - 60)
    found = stall_of(look(idle, busy, held))
    assert found is not None
    assert found.worker == "worker-orders-3"


def test_an_idle_queue_is_well_however_long_nothing_has_come() -> None:
    assert follow(*((NOW + t, look(claim(told_at=NOW + t), waiting=False)) for t in (0, 900))) == [
        [],
        [],
    ]


def test_a_queue_that_nobody_claims_to_consume_has_another_trouble() -> None:
    assert follow((NOW, look()), (NOW + 900, look())) == [[], []]
    detail = {"queues": {"orders.inbox": claim_detail(held=40.0, settled=40.0)}}
    deaf = Heartbeat("worker-orders", 0.0, consuming=False, detail=detail)
    assert claims_of(deaf, told_at=NOW, now=NOW) == []


def test_what_a_heartbeat_says_is_what_is_read_from_it() -> None:
    detail = {"queues": {"orders.inbox": claim_detail(held=12.0, settled=3.0)}}
    beat = Heartbeat("worker-orders", 0.0, consuming=True, detail=detail)
    told = claim(held_since=NOW - 12, settled_at=NOW - 3)
    assert claims_of(beat, told_at=NOW, now=NOW) == [told]
    assert claims_of(beat, told_at=NOW, now=NOW + SILENT_AFTER + 1) == []
    gateway = Heartbeat("payments-gateway", 0.0, consuming=True, detail={"pid": 1})
    assert claims_of(gateway, told_at=NOW, now=NOW) == []


@given(st.lists(st.floats(min_value=0.1, max_value=STALLED_AFTER - SILENT_AFTER), min_size=20))
def test_a_queue_that_is_consumed_is_never_stalled_however_full_it_stays(
    pauses: list[float],
) -> None:
    """Some message is settled in every STALLED_AFTER seconds, counted at its latest report."""
    tracker = ProgressTracker()
    now = settled = NOW
    for pause in pauses:
        now += pause
        told = claim(told_at=now, settled_at=settled, held_since=settled)
        assert tracker.look([look(told)], now=now + SILENT_AFTER) == []
        settled = now


@given(st.floats(min_value=STALLED_AFTER, max_value=3600), st.booleans())
def test_a_queue_in_which_nothing_moves_is_found_in_time(rest: float, held: bool) -> None:
    tracker = ProgressTracker()
    found: list[Stall] = []
    since, t = NOW if held else None, 0.0
    while not found and t <= rest:
        told = claim(told_at=NOW + t, held_since=since)
        found = tracker.look([look(told, waiting=not held)], now=NOW + t)
        t += EVERY
    assert [stall.since for stall in found] == [NOW]
    assert t <= STALLED_AFTER + 2 * EVERY


@given(able=seconds, held=seconds, settled=seconds, waited=seconds)
def test_time_in_which_it_could_not_work_is_never_counted(
    able: float, held: float, settled: float, waited: float
) -> None:
    """`able_since` is when the broker, the database and the worker were last all available."""
    told = claim(held_since=NOW - held, settled_at=NOW - settled)
    found = stall_of(look(told, able_since=NOW - able), NOW - waited)
    if able < STALLED_AFTER:
        assert found is None
    if found is not None:
        assert found.since >= NOW - able


def test_a_queue_that_was_not_looked_at_begins_anew() -> None:
    tracker = ProgressTracker()
    assert tracker.look([look(claim())], now=NOW) == []
    assert tracker.look([], now=NOW + 20) == []  # its broker was away
    assert tracker.look([look(claim(told_at=NOW + 40))], now=NOW + 40) == []
