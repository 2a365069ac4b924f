"""The queries of the pages and of the API in the site's database."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.db.models import BooleanField, FloatField, QuerySet
from django.db.models.expressions import RawSQL

from cluster.storefront.events import StreamEvent
from cluster.storefront.journal.readable import presented_entry
from cluster.storefront.models import JournalEntry, Product
from cluster.storefront.products import OWN
from cluster.tracing.context import read

RECENT: Final = 20_000  # entries: half an hour at the ambient load
# Accepted checkouts are kept for ever and have no index by product, so this reads all of them.
SALES: Final = """
    SELECT count(*) FILTER (WHERE status = 'completed'),
           count(*) FILTER (WHERE status = 'compensated'),
           count(*) FILTER (WHERE status = 'accepted'),
           coalesce(sum(quantity) FILTER (WHERE status = 'completed'), 0),
           coalesce(sum(amount) FILTER (WHERE status = 'completed'), 0),
           percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM ended_at - accepted_at))
               FILTER (WHERE status = 'completed')
      FROM checkout_request WHERE sku = %s
"""
NAMES: Final = ("completed", "compensated", "under_way", "items", "pence", "median_seconds")

MOST_WORDS: Final = 8
WORD: Final = re.compile(r"[^\W_]+")

# The same expression as the index (migration 0008), where each part of an SKU counts as a word.
TEXT: Final = "to_tsvector('english', product.name || ' ' || replace(product.sku, '-', ' '))"
FOUND: Final = f"{TEXT} @@ to_tsquery('english', %s)"
RANK: Final = f"ts_rank({TEXT}, to_tsquery('english', %s))"


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


def sales_of(sku: str) -> dict[str, Any]:
    """Return the sales of a product over every accepted checkout, as JSON values.

    Refunds are not taken off.
    """
    with connection.cursor() as cursor:
        cursor.execute(SALES, (sku,))
        *sums, median = cursor.fetchone()
    figures = [*map(int, sums), None if median is None else round(float(median), 3)]
    return {
        "sku": sku,
        **dict(zip(NAMES, figures, strict=True)),
        "computed_at": datetime.now(UTC).isoformat(),
    }


def found_in(products: QuerySet[Product, Any], words: str) -> QuerySet[Product, Any]:
    """Return the products in which every given word begins a word, best first."""
    parts = [f"{word}:*" for word in WORD.findall(words)[:MOST_WORDS]]
    if not parts:
        return products.none()
    query = [" & ".join(parts)]
    return products.filter(RawSQL(FOUND, query, output_field=BooleanField())).order_by(  # noqa: S611  # no visitor's words in the SQL
        RawSQL(RANK, query, output_field=FloatField()).desc(),  # noqa: S611
        "sku",
    )
