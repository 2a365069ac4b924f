"""The limit of checkouts that one visitor may start in a minute, and what counts for others."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final

from cluster.messaging.work import UnitOfWork
from cluster.storefront.admission import TooManyRequests
from cluster.storefront.checkout_intake import CheckoutOrder

PERIOD: Final = timedelta(minutes=1)
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


def limit_visitor(work: UnitOfWork, order: CheckoutOrder) -> None:
    """Raise TooManyRequests unless this visitor may begin one more.

    Two requests of one visitor wait for each other until the transaction ends.
    """
    work.cursor.execute(LOCK, (order.visitor,))
    work.cursor.execute(RECENT, (order.visitor, work.now - PERIOD, order.id))
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
