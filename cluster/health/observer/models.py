"""The observer's tables in the site's database. It writes them itself, without Django."""

from __future__ import annotations

from django.db import models


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
    """One service's waiting messages, and its flow, at one moment. Kept for a day."""

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
