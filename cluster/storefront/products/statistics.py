"""The sales of a product, added up over every checkout of it that the site has accepted."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from django.db import connection

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


def sales_of(sku: str) -> dict[str, Any]:
    """Return the sums, as JSON values, without taking refunds off."""
    with connection.cursor() as cursor:
        cursor.execute(SALES, (sku,))
        *sums, median = cursor.fetchone()
    figures = [*map(int, sums), None if median is None else round(float(median), 3)]
    return {
        "sku": sku,
        **dict(zip(NAMES, figures, strict=True)),
        "computed_at": datetime.now(UTC).isoformat(),
    }
