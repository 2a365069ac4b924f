"""The tracker opens an outage, names its cause, and closes it. No I/O, no clock."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from cluster.health.observer.outages import FIRST_LIFE, SILENCE, Outage, OutageTracker, Sighting
from cluster.health.probes.deaths import Death, cause_of, read_announcement

NAME = "worker-orders"


def seen(**changes: Any) -> Sighting:
    """Return the sighting of a worker that runs and is healthy, with the test's changes."""
    usual: dict[str, Any] = {
        "process": NAME,
        "service": "orders",
        "status": "running",
        "healthy": True,
        "pid": 10,
        "started_at": 1.0,
        "sign_of_life": 100.0,
        "stop_signal": 15,
    }
    return Sighting(**{**usual, **changes})


@pytest.fixture
def tracker() -> OutageTracker:
    """A tracker that has seen the worker healthy at second 100."""
    numbers = itertools.count(1)
    made = OutageTracker(new_id=lambda: UUID(int=next(numbers)))
    assert made.see([seen()], now=100.0) == []
    return made


def killed(at: float, *, pid: int = 10, exit_code: int | None = -9) -> Death:
    return Death(NAME, pid, at, exit_code)


def died(tracker: OutageTracker, death: Death) -> list[Outage]:
    return tracker.note_death(death, service="orders")


def test_a_death_opens_an_outage_at_the_moment_that_the_supervisor_announced(
    tracker: OutageTracker,
) -> None:
    (outage,) = died(tracker, killed(101.5))
    assert (outage.process, outage.service) == (NAME, "orders")
    assert (outage.cause, outage.began, outage.ended) == ("killed by signal 9", 101.5, None)


def test_being_started_again_does_not_close_it(tracker: OutageTracker) -> None:
    died(tracker, killed(101.5))
    still_down = seen(pid=11, restarts=1, started_at=101.6, healthy=None, sign_of_life=None)
    assert tracker.see([still_down], now=102.0) == []
    assert len(tracker.open_outages()) == 1


def test_a_sign_of_life_from_before_the_death_does_not_close_it(tracker: OutageTracker) -> None:
    died(tracker, killed(101.5))
    assert tracker.see([seen(pid=11, restarts=1, sign_of_life=101.4)], now=102.0) == []


def test_what_is_seen_of_the_dead_process_does_not_close_it(tracker: OutageTracker) -> None:
    died(tracker, killed(101.5))
    assert tracker.see([seen(sign_of_life=101.6)], now=101.6) == []


def test_the_successors_first_sign_of_life_is_the_end(tracker: OutageTracker) -> None:
    (opened,) = died(tracker, killed(101.5))
    (closed,) = tracker.see([seen(pid=11, restarts=1, sign_of_life=103.25)], now=103.4)
    assert (closed.id, closed.ended, closed.cause) == (opened.id, 103.25, "killed by signal 9")
    assert tracker.open_outages() == []
    assert closed.span().seconds == 1.75


def test_another_pid_betrays_a_death_that_nobody_announced(tracker: OutageTracker) -> None:
    successor = seen(pid=11, restarts=1, started_at=104.0, healthy=None, sign_of_life=None)
    (outage,) = tracker.see([successor], now=104.2)
    assert (outage.cause, outage.began) == ("exited", 104.0)


def test_a_higher_count_of_restarts_betrays_it_too(tracker: OutageTracker) -> None:
    same_pid = seen(restarts=1, started_at=104.0, healthy=None, sign_of_life=None)
    (outage,) = tracker.see([same_pid], now=104.2)
    assert outage.cause == "exited"


def test_a_late_announcement_tells_the_cause_and_the_exact_moment(tracker: OutageTracker) -> None:
    successor = seen(pid=11, restarts=1, started_at=104.0, healthy=None, sign_of_life=None)
    (guessed,) = tracker.see([successor], now=104.2)
    (known,) = died(tracker, killed(103.9))
    assert (known.id, known.cause, known.began) == (guessed.id, "killed by signal 9", 103.9)


def test_one_death_is_one_outage_however_it_becomes_known(tracker: OutageTracker) -> None:
    died(tracker, killed(101.5))
    tracker.see([seen(pid=11, restarts=1, sign_of_life=103.0)], now=103.0)
    assert died(tracker, killed(101.5)) == []
    assert tracker.see([seen(pid=11, restarts=1, sign_of_life=104.0)], now=104.0) == []


def test_a_second_death_before_it_is_well_prolongs_the_outage(tracker: OutageTracker) -> None:
    died(tracker, killed(101.5))
    assert died(tracker, killed(102.0, pid=11)) == []
    assert tracker.see([seen(pid=11, restarts=1, sign_of_life=101.9)], now=102.0) == []
    (closed,) = tracker.see([seen(pid=12, restarts=2, sign_of_life=104.0)], now=104.0)
    assert (closed.began, closed.ended) == (101.5, 104.0)


def test_the_next_death_is_another_outage(tracker: OutageTracker) -> None:
    (first,) = died(tracker, killed(101.5))
    tracker.see([seen(pid=11, restarts=1, sign_of_life=103.0)], now=103.0)
    (second,) = died(tracker, killed(110.0, pid=11))
    assert first.id != second.id


def test_a_short_silence_is_no_outage(tracker: OutageTracker) -> None:
    silent = seen(healthy=False, silent_since=101.0, sign_of_life=100.0)
    assert tracker.see([silent], now=101.0 + SILENCE - 0.1) == []


def test_a_long_silence_is_one_from_the_first_question_without_an_answer(
    tracker: OutageTracker,
) -> None:
    silent = seen(healthy=False, silent_since=101.0, sign_of_life=100.0)
    (outage,) = tracker.see([silent], now=101.0 + SILENCE)
    assert (outage.cause, outage.began) == ("not answering", 101.0)


def test_waiting_for_another_part_is_not_its_own_outage(tracker: OutageTracker) -> None:
    waiting = seen(healthy=False, silent_since=None, sign_of_life=None)
    assert tracker.see([waiting], now=200.0) == []


def test_a_pause_is_seen_at_once_and_ends_with_a_sign_of_life(tracker: OutageTracker) -> None:
    paused = seen(status="paused", healthy=False, sign_of_life=None)
    (outage,) = tracker.see([paused], now=101.0)
    assert outage.cause == "paused"
    assert tracker.see([seen(sign_of_life=100.5)], now=105.0) == []
    (closed,) = tracker.see([seen(sign_of_life=105.5)], now=105.6)
    assert closed.ended == 105.5


def test_a_silence_that_turns_out_to_be_a_pause_is_called_one(tracker: OutageTracker) -> None:
    tracker.see([seen(healthy=False, silent_since=101.0)], now=101.0 + SILENCE)
    (outage,) = tracker.see([seen(status="paused", healthy=False)], now=104.0)
    assert outage.cause == "paused"


def test_a_death_in_the_midst_of_a_silence_is_told_with_it(tracker: OutageTracker) -> None:
    tracker.see([seen(healthy=False, silent_since=101.0)], now=101.0 + SILENCE)
    (outage,) = died(tracker, killed(106.0))
    assert (outage.cause, outage.began) == ("not answering, then killed by signal 9", 101.0)


def test_what_is_stopped_through_the_supervisor_is_stopped(tracker: OutageTracker) -> None:
    (restarted,) = died(tracker, killed(101.5, exit_code=0))
    assert restarted.cause == "restarted"
    (outage,) = tracker.see([seen(status="stopped", healthy=False, pid=None)], now=101.7)
    assert (outage.id, outage.cause) == (restarted.id, "stopped")


def test_what_has_never_been_well_is_on_its_way_up() -> None:
    tracker = OutageTracker()
    starting = seen(healthy=False, silent_since=100.0, sign_of_life=None)
    assert tracker.see([starting], now=100.0) == []
    assert died(tracker, killed(101.0)) == []
    assert tracker.see([starting], now=100.0 + FIRST_LIFE - 1) == []


def test_what_does_not_come_up_for_long_is_away() -> None:
    tracker = OutageTracker()
    starting = seen(healthy=False, silent_since=100.0, sign_of_life=None)
    tracker.see([starting], now=100.0)
    (outage,) = tracker.see([starting], now=100.0 + FIRST_LIFE)
    assert (outage.cause, outage.began) == ("not answering", 100.0)


def test_an_outage_outlives_the_observer_that_opened_it(tracker: OutageTracker) -> None:
    (opened,) = died(tracker, killed(101.5))
    successor = OutageTracker()
    assert successor.adopt(opened) is None
    (closed,) = successor.see([seen(pid=11, restarts=1, sign_of_life=110.0)], now=110.0)
    assert (closed.id, closed.began, closed.ended) == (opened.id, 101.5, 110.0)


def test_of_two_accounts_of_one_absence_the_earlier_ends_where_the_later_begins(
    tracker: OutageTracker,
) -> None:
    (later,) = died(tracker, killed(101.5))
    earlier = Outage(id=UUID(int=9), process=NAME, service="orders", cause="paused", began=90.0)
    assert tracker.adopt(earlier) == later.began


@pytest.mark.parametrize(
    ("exit_code", "words"),
    [
        (-9, "killed by signal 9"),
        (-15, "restarted"),
        (0, "restarted"),
        (3, "exited with 3"),
        (None, "exited"),
    ],
)
def test_the_cause_is_told_by_how_the_process_ended(exit_code: int | None, words: str) -> None:
    assert cause_of(exit_code, stop_signal=15) == words


def announced(topic: str, body: str) -> Callable[[], Death | None]:
    return lambda: read_announcement([topic.encode(), body.encode()])


def test_the_supervisors_announcement_of_a_death_is_read() -> None:
    body = '{"process_pid": 10, "time": 5.5, "exit_code": -9}'
    assert announced("watcher.worker-orders.reap", body)() == Death("worker-orders", 10, 5.5, -9)


@pytest.mark.parametrize(
    ("topic", "body"),
    [("watcher.web.spawn", '{"process_pid": 1, "time": 2}'), ("watcher.web.reap", "broken")],
)
def test_every_other_announcement_is_none(topic: str, body: str) -> None:
    assert announced(topic, body)() is None
