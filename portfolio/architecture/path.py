"""One request's path: the messages of one saga as the journal holds them, in order.

A hop is one message. It is drawn from the service whose message caused it to the service that
sent it, since the journal proves that much: `causation` names the message that its sender was
handling. A message without a cause was sent by the clock (a missed deadline) or on request.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from cluster.storefront.events import StreamEvent
from cluster.storefront.headcode import headcode
from cluster.storefront.journal.readable import presented_entry
from cluster.storefront.models import CheckoutRequest, JournalEntry

MOST_HOPS: Final = 60  # a checkout that is compensated sends about 25

# After the end of a checkout messages still follow: reserved items become sold.
SETTLED_AFTER: Final = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Hop:
    """One message of the saga.

    `service` sent it, and `came_from` sent the message that caused it. `cause` is the number
    of that message on this path. Times are milliseconds.
    """

    number: int
    event: StreamEvent
    service: str
    came_from: str
    cause: int | None
    after_cause: float | None
    after_start: float

    @property
    def stays(self) -> bool:
        """Return whether a request, the clock or its own sender caused it, and no other service."""
        return not self.came_from or self.came_from == self.service


@dataclass(frozen=True, slots=True)
class Path:
    """All hops of one saga. `status` is that of the checkout, and empty for other sagas."""

    saga: UUID
    hops: tuple[Hop, ...]
    status: str
    more: bool

    @property
    def headcode(self) -> str:
        return headcode(self.saga)

    @property
    def ended(self) -> bool:
        return self.status != "accepted"

    @property
    def milliseconds(self) -> float:
        """Milliseconds from the first message to the last."""
        return max((hop.after_start for hop in self.hops), default=0.0)

    @property
    def sent_by(self) -> dict[str, list[int]]:
        """The numbers of the messages that each service sent."""
        found: dict[str, list[int]] = {}
        for hop in self.hops:
            found.setdefault(hop.service, []).append(hop.number)
        return found

    @property
    def legs(self) -> dict[tuple[str, str], int]:
        """The pairs of services between which it went, with the number of the first message."""
        found: dict[tuple[str, str], int] = {}
        for hop in self.hops:
            if not hop.stays:
                found.setdefault((hop.came_from, hop.service), hop.number)
        return found


def latest_finished() -> UUID | None:
    """Return the latest accepted checkout that ended at least 2 s ago, or None.

    Raises django.db.Error.
    """
    ended = CheckoutRequest.objects.filter(ended_at__lt=datetime.now(UTC) - SETTLED_AFTER).order_by(
        "-accepted_at"
    )
    return ended.values_list("id", flat=True).first()


def path_of(saga: UUID) -> Path:
    """Return the path of a saga as far as the journal has recorded it. Raises django.db.Error."""
    # Read first: when the status says that it has ended, the entries below include the end.
    request = CheckoutRequest.objects.filter(id=saga).values_list("status", flat=True).first()
    entries = list(
        JournalEntry.objects.filter(correlation=saga).order_by("time", "seq")[: MOST_HOPS + 1]
    )
    return Path(saga, hops_of(entries[:MOST_HOPS]), request or "", len(entries) > MOST_HOPS)


def hops_of(entries: Sequence[JournalEntry]) -> tuple[Hop, ...]:
    """Return the journal entries of one saga as hops, in the same order."""
    numbers = {entry.message_id: number for number, entry in enumerate(entries, start=1)}
    by_number = dict(enumerate(entries, start=1))
    found = []
    for number, entry in by_number.items():
        cause = numbers.get(entry.causation) if entry.causation else None
        caused_by = by_number[cause] if cause is not None else None
        found.append(
            Hop(
                number=number,
                event=presented_entry(entry),
                service=entry.source,
                came_from=caused_by.source if caused_by else "",
                cause=cause,
                after_cause=_milliseconds(caused_by, entry) if caused_by else None,
                after_start=_milliseconds(entries[0], entry),
            )
        )
    return tuple(found)


def _milliseconds(earlier: JournalEntry, later: JournalEntry) -> float:
    """Return the milliseconds between two entries, by the time of recording without another."""
    between = (later.time or later.recorded_at) - (earlier.time or earlier.recorded_at)
    return round(between.total_seconds() * 1000, 1)
