"""How much there has been so far: exact, and without counting millions of rows for each page."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from cluster.storefront.models import CheckoutRequest, JournalEntry

# Ids are chosen a moment before their commit: whatever is older than this is all there.
SETTLED: Final = timedelta(minutes=10)


@dataclass(frozen=True)
class Tally:
    """What the site's database knows of the past."""

    messages: int  # journalled, ever: the journal's numbers have no gap
    checkouts: int  # accepted, ever
    unfinished: int
    since: datetime | None  # the first checkout


class _Counted:
    """Checkouts up to an id, counted once: older rows are neither added nor deleted."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._below = UUID(int=0)
        self._count = 0

    def total(self) -> int:
        with self._lock:
            horizon = _first_id_of(datetime.now(UTC) - SETTLED)
            older = CheckoutRequest.objects.filter(id__gte=self._below, id__lt=horizon).count()
            self._below, self._count = horizon, self._count + older
            return self._count + CheckoutRequest.objects.filter(id__gte=horizon).count()


_counted: Final = _Counted()


def tally() -> Tally:
    """The numbers at this moment; raises Django's Error when the database is away."""
    newest = JournalEntry.objects.order_by("-seq").values_list("seq", flat=True).first()
    first = CheckoutRequest.objects.order_by("id").values_list("accepted_at", flat=True).first()
    return Tally(
        messages=newest or 0,
        checkouts=_counted.total(),
        unfinished=CheckoutRequest.objects.filter(status="accepted").count(),
        since=first,
    )


def _first_id_of(moment: datetime) -> UUID:
    """The lowest UUIDv7 of this millisecond (RFC 9562, 5.7)."""
    milliseconds = int(moment.timestamp() * 1000)
    return UUID(int=(milliseconds << 80) | (0x7 << 76) | (0x2 << 62))
