"""A deadline waits for a command in its participant's queue, and not for a silent participant."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cluster.sagas.backlog import LONGEST_PAUSE, LONGEST_STEP, RECENT, Backlog, Waiting

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
DEADLINE = timedelta(seconds=10)
STEP = 2


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def behind() -> Backlog:
    """Return the backlog of a participant that answered a command of noon 8 s later."""
    backlog = Backlog()
    backlog.answered(STEP, asked_at=NOON, at=after(8))
    return backlog


def test_commands_sent_after_the_latest_that_was_answered_wait_in_the_queue() -> None:
    waiting = behind().waiting(STEP, deadline=DEADLINE, now=after(8))
    assert waiting == Waiting(STEP, sent_after=NOON, due=after(8) + DEADLINE / 2)


def test_a_participant_that_answers_at_once_has_no_queue() -> None:
    backlog = Backlog()
    backlog.answered(STEP, asked_at=NOON, at=after(0.1))
    assert backlog.waiting(STEP, deadline=DEADLINE, now=after(0.1)) is None


def test_one_answer_to_a_late_command_shows_that_the_earlier_were_served() -> None:
    backlog = behind()
    backlog.answered(STEP, asked_at=after(7.9), at=after(8.1))
    assert backlog.waiting(STEP, deadline=DEADLINE, now=after(8.1)) is None
    backlog.answered(STEP, asked_at=after(0.5), at=after(8.2))  # to an earlier command
    assert backlog.waiting(STEP, deadline=DEADLINE, now=after(8.2)) is None


def test_a_participant_that_has_become_silent_is_not_waited_for() -> None:
    now = after(8) + RECENT + timedelta(seconds=0.1)
    assert behind().waiting(STEP, deadline=DEADLINE, now=now) is None


def test_the_queue_of_one_step_says_nothing_of_another() -> None:
    assert behind().waiting(STEP + 1, deadline=DEADLINE, now=after(8)) is None


def test_a_pause_of_the_coordinator_is_told_once_and_has_a_bound() -> None:
    backlog = Backlog()
    assert backlog.ran(NOON) is None
    assert backlog.ran(NOON + LONGEST_PAUSE) is None
    assert backlog.ran(after(10)) == after(10) - NOON - LONGEST_PAUSE
    assert backlog.ran(after(11)) is None
    assert backlog.ran(after(1_000)) == LONGEST_STEP
