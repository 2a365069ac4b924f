"""The table of the checkout service, read and written by `cluster/sagas/repository.py`."""

from __future__ import annotations

from django.db import models


class Saga(models.Model):
    """One checkout saga, whose id is the id of the checkout everywhere."""

    id = models.UUIDField(primary_key=True)
    definition = models.TextField()
    # running, compensating, completed or compensated
    state = models.TextField()
    # The index of the step it waits for, or waited for last.
    position = models.IntegerField()
    # The history of each step: see StepRecord in cluster/sagas/engine.py.
    steps = models.JSONField()
    context = models.JSONField()
    reason = models.TextField(default="")
    failed_step = models.TextField(default="")
    # The time until which it waits for the present reply; null when it has ended.
    deadline = models.DateTimeField(null=True)
    # Commands and events.
    messages_sent = models.IntegerField()
    # Events announced about saga/<id> and checkout/<id>.
    version = models.IntegerField()
    started_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "saga"
        indexes = (
            # Only sagas in flight have a deadline, so the sweep's index stays small.
            models.Index(
                fields=["deadline"],
                condition=models.Q(deadline__isnull=False),
                name="saga_deadline",
            ),
        )

    def __str__(self) -> str:
        return f"{self.definition} {self.id}: {self.state}"
