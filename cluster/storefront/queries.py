"""The queries of the pages in the site's database."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from cluster.storefront.events import StreamEvent
from cluster.storefront.journal.readable import presented_entry
from cluster.storefront.models import JournalEntry, Product
from cluster.storefront.products.models import OWN
from cluster.tracing.context import read

RECENT: Final = 20_000  # entries: half an hour at the ambient load


def latest_events(limit: int) -> list[StreamEvent]:
    """Return the newest journal entries, newest first."""
    return [presented_entry(entry) for entry in JournalEntry.objects.order_by("-seq")[:limit]]


def latest_events_from(source: str, limit: int) -> list[StreamEvent]:
    """Return the newest journal entries of one service, newest first, among the latest RECENT."""
    # Bounded, so that a service without recent messages does not make the query slow.
    entries = JournalEntry.objects.filter(source=source, seq__gt=last_seq() - RECENT)
    return [presented_entry(entry) for entry in entries.order_by("-seq")[:limit]]


def last_seq() -> int:
    """Return the last `seq` of the journal, 0 when it is empty."""
    newest = JournalEntry.objects.order_by("-seq").values_list("seq", flat=True).first()
    return newest or 0


def events_of(correlation: UUID, limit: int, *, up_to: int) -> list[StreamEvent]:
    """Return the newest journal entries of one saga until `up_to`, newest first."""
    entries = JournalEntry.objects.filter(correlation=correlation, seq__lte=up_to)
    return [presented_entry(entry) for entry in entries.order_by("-seq")[:limit]]


def trace_of(correlation: UUID) -> str | None:
    """Return the id of the trace of a saga's first message, or None when it is not sampled."""
    entries = JournalEntry.objects.filter(correlation=correlation).order_by("seq")
    envelope = entries.values_list("envelope", flat=True).first()
    place = read(envelope.get("traceparent")) if isinstance(envelope, dict) else None
    return place.trace_id if place is not None and place.sampled else None


def products() -> list[Product]:
    """Return the shop's products that the journal has recorded, without visitors' own."""
    return list(Product.objects.exclude(sku__startswith=OWN).order_by("sku"))
