"""The tables of experiments: the incidents, the audit trail, and the owner's switch."""

from __future__ import annotations

from typing import Final

from django.db import models


class Incident(models.Model):
    """One recorded incident, with an `IncidentDocument` whose main fields are columns too."""

    id = models.UUIDField(primary_key=True)
    experiment = models.TextField()
    title = models.TextField()
    summary = models.TextField()
    process = models.TextField()
    recorded_at = models.DateTimeField()
    revision = models.TextField()
    passed = models.BooleanField()
    recover_seconds = models.FloatField(null=True)
    origin = models.TextField(blank=True, help_text="Where it was recorded, if not here.")
    document = models.JSONField()

    class Meta:
        db_table = "incident"
        indexes = [models.Index(fields=["-recorded_at"], name="incident_recorded_at")]

    def __str__(self) -> str:
        return f"{self.title}, {self.recorded_at:%d %b %Y %H:%M}"


class ExperimentRun(models.Model):
    """One request to run an experiment, from the queue to its record.

    `visitor` is the random name of a session, never shown; `asked_by` is the public name.
    `remote` is a keyed hash of the client's address, kept for as long as it counts. `order` is the
    id of the visitor's own checkout, which is started with the first fault.
    """

    QUEUED: Final = "queued"
    RUNNING: Final = "running"
    ENDED: Final = "ended"
    WITHDRAWN: Final = "withdrawn"
    FAILED: Final = "failed"  # it could not be run, for the reason in `words`

    id = models.UUIDField(primary_key=True)
    experiment = models.TextField()
    seed = models.BigIntegerField(null=True)
    rate = models.FloatField()
    visitor = models.TextField()
    remote = models.TextField(blank=True, db_default="")
    asked_by = models.TextField()
    order = models.UUIDField(null=True)
    asked_at = models.DateTimeField()
    state = models.TextField(default=QUEUED)
    words = models.TextField(blank=True)
    began_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    incident = models.ForeignKey(
        Incident, null=True, on_delete=models.SET_NULL, related_name="runs", db_constraint=False
    )

    class Meta:
        db_table = "experiment_run"
        indexes = [
            models.Index(fields=["state", "asked_at"], name="experiment_run_queue"),
            models.Index(fields=["visitor", "-asked_at"], name="experiment_run_visitor"),
            models.Index(fields=["remote", "-asked_at"], name="experiment_run_remote"),
        ]

    def __str__(self) -> str:
        return f"{self.experiment} for {self.asked_by}, {self.state}"


class AuditEntry(models.Model):
    """One fault of the audit trail: actor, moment, target and outcome.

    Written before the fault, and never changed by hand.
    """

    at = models.DateTimeField()
    actor = models.TextField()
    action = models.TextField()
    target = models.TextField()
    outcome = models.TextField(blank=True)

    class Meta:
        db_table = "fault_audit"
        ordering = ["-at"]
        verbose_name = "audit entry"
        verbose_name_plural = "audit trail"

    def __str__(self) -> str:
        return f"{self.at:%d %b %Y %H:%M:%S} {self.actor}: {self.action}"


class FaultSwitch(models.Model):
    """The one row that allows hard faults or forbids them. Without it they are allowed."""

    ONLY: Final = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY, editable=False)
    hard_faults = models.BooleanField(
        "hard faults allowed", default=True, help_text="Kills and pauses of real processes."
    )
    reason = models.CharField(
        max_length=200, blank=True, help_text="Shown to whoever is refused meanwhile."
    )

    class Meta:
        db_table = "fault_switch"
        verbose_name = "fault switch"
        verbose_name_plural = "fault switch"
        constraints = [
            models.CheckConstraint(condition=models.Q(id=1), name="fault_switch_only_one"),
        ]

    def __str__(self) -> str:
        return "Hard faults are allowed" if self.hard_faults else "Hard faults are switched off"

    @classmethod
    def forbidding(cls) -> FaultSwitch | None:
        """Return the switch while it forbids hard faults, else None."""
        return cls.objects.filter(pk=cls.ONLY, hard_faults=False).first()
