"""The backlog of a step: whether its command was served, or still waits in its participant's queue.

A participant serves its commands about in the order in which they were sent. So while it answers
commands that were sent before a given one, that one has not been served, and its deadline should
not end: it counts from when the command could be served. The same is true of time in which the
coordinator itself did not run, and received no answer.

Kept in memory: a process that starts anew knows of no backlog, and the deadlines stay as they were.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

# Since the last answer. A participant without an answer for longer is silent, not busy.
RECENT: Final = timedelta(seconds=6)
# Between two runs of the coordinator's sweep, which is due every second.
LONGEST_PAUSE: Final = timedelta(seconds=3)
# From the command on, whatever the backlog: no visitor waits longer than that for one step.
LONGEST_STEP: Final = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Served:
    """The latest command of a step that was answered: the times of its sending and of the answer.

    The difference is how long a command waits at present.
    """

    asked_at: datetime
    answered_at: datetime


@dataclass(frozen=True, slots=True)
class Waiting:
    """Commands of a step that wait in its participant's queue, with a deadline before `due`."""

    step: int
    sent_after: datetime
    due: datetime


class Backlog:
    """The backlog of each step (by index), as the answers of its participant show it."""

    def __init__(self) -> None:
        self._served: dict[int, Served] = {}
        self._ran_at: datetime | None = None

    def answered(self, step: int, *, asked_at: datetime, at: datetime) -> None:
        """Record that an answer came, at `at`, to a command that was sent at `asked_at`."""
        before = self._served.get(step)
        recent = before is not None and at - before.answered_at <= RECENT
        latest = max(asked_at, before.asked_at) if before and recent else asked_at
        self._served[step] = Served(latest, at)

    def waiting(self, step: int, *, deadline: timedelta, now: datetime) -> Waiting | None:
        """Return a step's commands that were not served and are due within half a deadline.

        None unless the participant answers, and its commands wait for half of their deadline.
        """
        served = self._served.get(step)
        if served is None or now - served.answered_at > RECENT:
            return None
        if served.answered_at - served.asked_at < deadline / 2:
            return None
        return Waiting(step, sent_after=served.asked_at, due=now + deadline / 2)

    def ran(self, now: datetime) -> timedelta | None:
        """Note that the coordinator runs and return its pause before, if that was too long."""
        before, self._ran_at = self._ran_at, now
        if before is None or now - before <= LONGEST_PAUSE:
            return None
        return min(now - before, LONGEST_STEP)
