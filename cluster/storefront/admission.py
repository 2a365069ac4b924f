"""Admission control: a limit of open checkouts, and one of what a visitor begins in a minute.

Open checkouts are accepted and have not ended. Their limit follows Little's law: the rate at which
checkouts end, times the deadline of one step. The open checkouts then end, all steps together, in
the time that one step may take. The journal measures the rate when it records endings. A
transaction that accepts checkouts reads the limit and counts the open ones. It takes no lock for
that, so no process that is killed or paused in between stops the others. See
docs/adr/0029-admission-control.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final
from uuid import UUID

from cluster.checkout.definition import CHECKOUT
from cluster.messaging.streams import count
from cluster.messaging.work import UnitOfWork
from cluster.secrets.postgres import Cursor

# Fewer at a time would make smaller batches, and so a lower rate: at 3 s it was two thirds of the
# rate at 10 s. A step with a shorter deadline waits for its queue (cluster/sagas/backlog.py).
ENDS_WITHIN: Final = max(step.deadline for step in CHECKOUT.steps)
RETRY_AFTER: Final = 3  # seconds; some of the open checkouts have ended then
INITIAL: Final = 500  # until a rate has been measured
LEAST: Final = 100  # 10 s at 10 a second: on a slower machine the deadlines wait for the queue
MOST: Final = 2_000  # bounds queues, memory and disk on a machine that is much faster
# Commands, benches and experiments leave some room for visitors of the pages.
SHARE_OF_PORTIONS: Final = 0.9

WINDOW: Final = timedelta(seconds=2)  # over which the rate is measured
# A longer window held a pause, of the load or of the platform, so its rate is not measured.
LONGEST_WINDOW: Final = timedelta(seconds=5)

REFUSED: Final = "refused_checkouts"  # the counter in the site's database

ROOM: Final = """
    SELECT (SELECT count(*) FROM checkout_request WHERE status = 'accepted'),
           (SELECT checkout_limit FROM admission WHERE id = 1)
"""
ADD_ENDED: Final = """
    INSERT INTO admission AS a (id, checkout_limit, ended, window_began) VALUES (1, %s, %s, %s)
    ON CONFLICT (id) DO UPDATE SET ended = a.ended + EXCLUDED.ended
    RETURNING ended, window_began
"""
CLOSE_WINDOW: Final = """
    UPDATE admission SET checkout_limit = %s, ended = 0, window_began = %s WHERE id = 1
"""

PERIOD: Final = timedelta(minutes=1)  # of one visitor
MOST_IN_PERIOD: Final = 10  # for each session: enough to try things, too few to overload

# The lock makes two requests of one visitor wait for each other, or both would pass.
LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
RECENT: Final = """
    SELECT count(*), min(accepted_at) FROM checkout_request
     WHERE visitor = %s AND accepted_at > %s AND id <> %s
"""
# The times of what a visitor has had accepted since a moment, the first of them, oldest first.
_TIMES: Final = """
    SELECT {at} FROM {rows} WHERE visitor = %s AND {at} > %s ORDER BY {at} LIMIT %s
"""
TIMES_OF_CHECKOUTS: Final = _TIMES.format(rows="checkout_request", at="accepted_at")
TIMES_OF_REFUNDS: Final = _TIMES.format(
    rows="refund_request r JOIN checkout_request c ON c.id = r.order_id", at="r.accepted_at"
)
TIMES_OF_TOKENS: Final = _TIMES.format(rows="token_request", at="requested_at")
TIMES_OF_LISTINGS: Final = _TIMES.format(rows="own_product", at="listed_at")


class TooManyRequests(Exception):
    """This visitor, or all of them together, should wait, as the message explains."""

    def __init__(self, detail: str, *, status: HTTPStatus, retry_after: int) -> None:
        super().__init__(detail)
        self.status = status
        self.retry_after = retry_after


class Overloaded(TooManyRequests):
    """The limit of open checkouts is reached, and `refused` more were not accepted."""

    def __init__(self, room: Room, *, refused: int) -> None:
        super().__init__(
            f"{room.open} checkouts have not ended yet, and {room.limit} are as many as end in "
            f"time. Try again in {room.retry_after} s.",
            status=HTTPStatus.SERVICE_UNAVAILABLE,
            retry_after=room.retry_after,
        )
        self.refused = refused


@dataclass(frozen=True, slots=True)
class Room:
    """The number of checkouts that may be open, and of those that are."""

    limit: int
    open: int

    def admits(self, wanted: int) -> bool:
        """Return whether a group of checkouts may be accepted as a whole.

        One larger than half of the limit counts as half of it, or it might wait for ever.
        """
        return self.open + min(wanted, max(1, self.limit // 2)) <= self.limit

    def portion(self, wanted: int) -> int:
        """Return how many of `wanted` checkouts may be accepted now.

        It is at most half of the free room, so that a client at the same moment finds the other
        half.
        """
        left = int(self.limit * SHARE_OF_PORTIONS) - self.open
        return max(0, min(wanted, (left + 1) // 2))

    @property
    def retry_after(self) -> int:
        """The seconds until there should be room, more when more are open than the limit."""
        return math.ceil(RETRY_AFTER * max(1.0, self.open / max(1, self.limit)))


def next_limit(limit: int, *, ended: int, window: timedelta, open_now: int) -> int:
    """Return the limit after a window in which so many checkouts have ended.

    A higher rate raises it, since it was reached. A lower one lowers it only when the open
    checkouts need longer than ENDS_WITHIN at that rate: otherwise there was just less to do.
    """
    sustained = round(ended / window.total_seconds() * ENDS_WITHIN.total_seconds())
    if sustained > limit:
        # Slowly, since after a pause many end at once.
        return min(MOST, limit + math.ceil((sustained - limit) / 4))
    if open_now > sustained:
        return max(LEAST, (limit + sustained) // 2)
    return limit


def read_room(work: UnitOfWork) -> Room:
    """Return the limit and the number of open checkouts, as far as they are journalled."""
    open_now, limit = open_and_limit(work.cursor)
    return Room(limit=INITIAL if limit is None else limit, open=open_now)


def open_and_limit(cursor: Cursor) -> tuple[int, int | None]:
    """Return the number of open checkouts, and the limit, None until a rate has been measured."""
    open_now, limit = cursor.execute(ROOM).fetchone() or (0, None)
    return open_now, limit


def record_ended(work: UnitOfWork, ended: int) -> None:
    """Count checkouts that have ended, and set the limit anew at the end of a window."""
    if not ended:
        return
    work.cursor.execute(ADD_ENDED, (INITIAL, ended, work.now))
    in_window, began = work.cursor.fetchone() or (0, work.now)
    window = work.now - began
    if timedelta() <= window < WINDOW:  # a window below 0 began before the clock was set back
        return
    room = read_room(work)
    limit = room.limit
    if WINDOW <= window <= LONGEST_WINDOW:
        limit = next_limit(limit, ended=in_window, window=window, open_now=room.open)
    work.cursor.execute(CLOSE_WINDOW, (limit, work.now))


def record_refused(work: UnitOfWork, refused: int) -> None:
    """Count checkouts that were refused because of the limit."""
    count(work, REFUSED, refused)


def limit_visitor(work: UnitOfWork, *, visitor: str, checkout: UUID) -> None:
    """Raise TooManyRequests unless this visitor may begin this checkout besides the recent ones.

    Two requests of one visitor wait for each other until the transaction ends.
    """
    work.cursor.execute(LOCK, (visitor,))
    work.cursor.execute(RECENT, (visitor, work.now - PERIOD, checkout))
    recent, first = work.cursor.fetchone() or (0, None)
    if recent >= MOST_IN_PERIOD:
        raise TooManyRequests(
            f"You have started {recent} checkouts in the last minute. Wait for some to end.",
            status=HTTPStatus.TOO_MANY_REQUESTS,
            retry_after=free_again(first, work.now),
        )


def free_again(first: datetime | None, now: datetime) -> int:
    """Return the seconds until the first of the latest checkouts is older than PERIOD.

    At least 1.
    """
    waiting = PERIOD if first is None else first + PERIOD - now
    return max(1, math.ceil(waiting.total_seconds()))
