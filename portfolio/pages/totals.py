"""Exact totals for the home page, without counting millions of rows for each request."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from cluster.storefront.models import CheckoutRequest, JournalEntry

# An id is chosen a moment before its commit: rows with ids older than this are all committed.
SETTLED: Final = timedelta(minutes=10)


@dataclass(frozen=True)
class Tally:
    """Totals over the whole time, from the site's database."""

    messages: int  # journalled, ever: the journal's numbers have no gap
    checkouts: int  # accepted, ever
    unfinished: int
    since: datetime | None  # the first checkout


class _Counted:
    """The count of checkouts below an id, since older rows are neither added nor deleted."""

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
    """Return the totals at this moment.

    Raises Django's Error when the database is away.
    """
    newest = JournalEntry.objects.order_by("-seq").values_list("seq", flat=True).first()
    first = CheckoutRequest.objects.order_by("id").values_list("accepted_at", flat=True).first()
    return Tally(
        messages=newest or 0,
        checkouts=_counted.total(),
        unfinished=CheckoutRequest.objects.filter(status="accepted").count(),
        since=first,
    )


def _first_id_of(moment: datetime) -> UUID:
    """Return the lowest UUIDv7 of this millisecond (RFC 9562, 5.7)."""
    milliseconds = int(moment.timestamp() * 1000)
    return UUID(int=(milliseconds << 80) | (0x7 << 76) | (0x2 << 62))
