"""The observer's history: gauges of the last day, and outages."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.utils import timezone
from msgspec import Struct

from cluster.health.observer.models import Gauge, Outage

# One row in ten seconds. A sparkline can show no more points.
MOST_POINTS: Final = 24 * 360


class GaugePoint(Struct, frozen=True, kw_only=True):
    """One service at one moment. None: it could not be measured then."""

    at: datetime
    outbox: int | None
    outbox_age_seconds: float | None
    parked: int | None
    dead_letters: int | None
    queue_depth: int | None
    published_per_second: float | None
    consumed_per_second: float | None
    checkouts_per_second: float | None
    stream_lag_seconds: float | None


def gauges(service: str, minutes: float) -> list[GaugePoint]:
    """Return a service's gauges of the last `minutes`, oldest first, one every ten seconds.

    A gap in time is a time in which nothing was measured. Raises django.db.Error.
    """
    since = timezone.now() - timedelta(minutes=minutes)
    rows = Gauge.objects.filter(service=service, at__gte=since).order_by("at")
    fields = GaugePoint.__struct_fields__
    return [GaugePoint(**row) for row in rows.values(*fields)[:MOST_POINTS]]


def recent_outages(count: int) -> list[Outage]:
    """Return the latest outages, the newest first. Raises django.db.Error."""
    return list(Outage.objects.order_by("-began")[:count])
