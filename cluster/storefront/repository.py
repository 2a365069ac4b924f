"""Rows of the work that the site has accepted: checkouts, refunds and erasures, by their ids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from cluster.secrets.postgres import Cursor

_CHECKOUT: Final = (
    "id, visitor, sku, quantity, amount, card, requested_outcome, accepted_at, status, reason, "
    "ended_at"
)
CHECKOUTS: Final = f"""
    SELECT {_CHECKOUT} FROM checkout_request WHERE id = ANY (%s) ORDER BY id
"""  # noqa: S608  (names of our own)
STATUSES: Final = (
    "SELECT status, count(*) FROM checkout_request WHERE id = ANY (%s) GROUP BY status"
)
OF_VISITOR: Final = f"""
    SELECT {_CHECKOUT} FROM checkout_request
     WHERE visitor = %(visitor)s
       AND (%(since)s::timestamptz IS NULL OR accepted_at >= %(since)s) ORDER BY id
"""  # noqa: S608
OPEN_OF_VISITOR: Final = (
    "SELECT id FROM checkout_request WHERE visitor = %s AND status = 'accepted'"
)
COUNT_OPEN: Final = """
    SELECT count(*) FROM checkout_request
     WHERE status = 'accepted' AND accepted_at >= %s AND visitor LIKE %s
"""
ENDS: Final = """
    SELECT count(*) FILTER (WHERE status = 'completed'),
           count(*) FILTER (WHERE status = 'compensated'),
           max(ended_at),
           percentile_disc(0.5) WITHIN GROUP
               (ORDER BY extract(epoch FROM ended_at - accepted_at))::float8,
           percentile_disc(0.99) WITHIN GROUP
               (ORDER BY extract(epoch FROM ended_at - accepted_at))::float8
      FROM checkout_request WHERE accepted_at >= %s AND visitor LIKE %s
"""
# One statement, hence one snapshot: a moment later the relay may have deleted the message.
WITH_MESSAGES: Final = """
    SELECT r.id, r.xmin::text, o.id, o.xmin::text, o.routing_key
      FROM checkout_request r JOIN outbox o ON o.subject = 'saga/' || r.id
     WHERE r.id = ANY (%s) ORDER BY o.id
"""
REFUND: Final = "SELECT id, accepted_at, status, reason, ended_at FROM refund_request WHERE id = %s"
ERASURE: Final = (
    "SELECT id, accepted_at, status, reason, ended_at FROM erasure_request WHERE id = %s"
)


class CheckoutRow(NamedTuple):
    """A checkout, with the `status` accepted, completed or compensated, and `amount` in pence."""

    id: UUID
    visitor: str
    sku: str
    quantity: int
    amount: int
    card: str
    requested_outcome: str
    accepted_at: datetime
    status: str
    reason: str
    ended_at: datetime | None

    @property
    def ended(self) -> bool:
        return self.status != "accepted"

    @property
    def seconds(self) -> float | None:
        """The seconds from acceptance to the end, None while it is in flight."""
        return (self.ended_at - self.accepted_at).total_seconds() if self.ended_at else None


class RequestRow(NamedTuple):
    """A refund or an erasure, with the `status` accepted until it has ended."""

    id: UUID
    accepted_at: datetime
    status: str
    reason: str
    ended_at: datetime | None

    @property
    def ended(self) -> bool:
        return self.status != "accepted"


class Ends(NamedTuple):
    """The ends of some checkouts. `median` and `p99` are in seconds since the acceptance."""

    completed: int
    compensated: int
    last: datetime | None
    median: float | None
    p99: float | None


class Announced(NamedTuple):
    """A checkout and its message in the outbox, with the transactions that wrote them."""

    checkout: UUID
    written_by: str
    message: int  # its number in the outbox
    message_written_by: str
    type: str


def checkouts(cursor: Cursor, ids: Collection[UUID]) -> list[CheckoutRow]:
    """Return the checkouts of these ids that were accepted, oldest first."""
    return [CheckoutRow(*row) for row in cursor.execute(CHECKOUTS, (list(ids),))]


def statuses(cursor: Cursor, ids: Collection[UUID]) -> Counter[str]:
    """Return how many of these checkouts are accepted, completed and compensated."""
    return Counter(dict(cursor.execute(STATUSES, (list(ids),)).fetchall()))


def checkouts_of(cursor: Cursor, visitor: str, since: datetime | None = None) -> list[CheckoutRow]:
    """Return a visitor's checkouts, all or those since a moment, oldest first."""
    rows = cursor.execute(OF_VISITOR, {"visitor": visitor, "since": since})
    return [CheckoutRow(*row) for row in rows]


def open_checkouts_of(cursor: Cursor, visitor: str) -> list[UUID]:
    """Return the ids of a visitor's checkouts that have not ended."""
    return [identifier for (identifier,) in cursor.execute(OPEN_OF_VISITOR, (visitor,))]


def count_open(cursor: Cursor, *, since: datetime, visitors: str) -> int:
    """Return how many checkouts since a moment are open, of visitors whose names begin so."""
    (count,) = cursor.execute(COUNT_OPEN, (since, f"{visitors}%")).fetchone() or (0,)
    return int(count)


def ends_since(cursor: Cursor, *, since: datetime, visitors: str) -> Ends:
    """Return how the checkouts since a moment ended, of visitors whose names begin so."""
    row = cursor.execute(ENDS, (since, f"{visitors}%")).fetchone()
    assert row is not None, "an aggregate has a row"
    return Ends(*row)


def announced_checkouts(cursor: Cursor, ids: Collection[UUID]) -> list[Announced]:
    """Return those of the checkouts whose first message still waits in the outbox."""
    return [Announced(*row) for row in cursor.execute(WITH_MESSAGES, (list(ids),))]


def refund(cursor: Cursor, identifier: UUID) -> RequestRow | None:
    """Return the refund that was accepted under this id, or None."""
    row = cursor.execute(REFUND, (identifier,)).fetchone()
    return RequestRow(*row) if row else None


def erasure(cursor: Cursor, identifier: UUID) -> RequestRow | None:
    """Return the erasure that was accepted under this id, or None."""
    row = cursor.execute(ERASURE, (identifier,)).fetchone()
    return RequestRow(*row) if row else None
