"""The observer's tables in the site's database, which it writes itself, without Django."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.db import models
from django.utils import timezone

# One row in ten seconds. A sparkline can show no more points.
MOST_POINTS: Final = 24 * 360


class Outage(models.Model):
    """A time in which a process was not there or did not answer. Open while `ended` is null."""

    id = models.UUIDField(primary_key=True)
    process = models.TextField()
    service = models.TextField(null=True)  # noqa: DJ001  (null: it belongs to all of them)
    cause = models.TextField()
    began = models.DateTimeField()
    ended = models.DateTimeField(null=True)

    class Meta:
        app_label = "chaos"  # whose migrations describe the table
        db_table = "outage"
        indexes = [models.Index(fields=["-began"], name="outage_began")]

    def __str__(self) -> str:
        return f"{self.process} {self.cause}"

    @property
    def seconds(self) -> float | None:
        """The seconds that it lasted, None while it lasts."""
        return None if self.ended is None else (self.ended - self.began).total_seconds()


class Gauge(models.Model):
    """One service's waiting messages, and its flow, at one moment. Kept for a day.

    Null: it could not be measured then.
    """

    at = models.DateTimeField()
    service = models.TextField()
    outbox = models.IntegerField(null=True)
    outbox_age_seconds = models.FloatField(null=True)
    parked = models.IntegerField(null=True)
    dead_letters = models.IntegerField(null=True)
    queue_depth = models.IntegerField(null=True)
    published_per_second = models.FloatField(null=True)
    consumed_per_second = models.FloatField(null=True)
    # The site's only, which keeps the journal.
    checkouts_per_second = models.FloatField(null=True)
    stream_lag_seconds = models.FloatField(null=True)

    class Meta:
        app_label = "chaos"  # whose migrations describe the table
        db_table = "gauge"
        indexes = [models.Index(fields=["service", "at"], name="gauge_service_at")]

    def __str__(self) -> str:
        return f"{self.service} {self.at}"


def gauges(service: str, minutes: float) -> list[Gauge]:
    """Return a service's gauges of the last `minutes`, oldest first, one every ten seconds.

    A gap in time is a time in which nothing was measured. Raises django.db.Error.
    """
    since = timezone.now() - timedelta(minutes=minutes)
    return list(Gauge.objects.filter(service=service, at__gte=since).order_by("at")[:MOST_POINTS])


def recent_outages(count: int) -> list[Outage]:
    """Return the latest outages, the newest first. Raises django.db.Error."""
    return list(Outage.objects.order_by("-began")[:count])
