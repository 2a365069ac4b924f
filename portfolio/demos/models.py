"""The runs of demos with their choices and results, and rows for the naive ways."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class DemoRun(models.Model):
    """One run of a demo. The client chooses `id`, so that a form sent twice runs once.

    The run's page is public and does not show `visitor`, who asked for it. `result` is null
    while it goes on, and `problem` says why there will be none.
    """

    id = models.UUIDField(primary_key=True)
    demo = models.TextField()
    visitor = models.TextField()
    choices = models.JSONField()
    began = models.DateTimeField()
    ended = models.DateTimeField(null=True)
    result = models.JSONField(null=True)
    problem = models.TextField(default="")
    revision = models.TextField(default="")

    class Meta:
        db_table = "demo_run"
        indexes: ClassVar = [
            models.Index(fields=["demo", "-began"], name="demo_run_demo"),
            models.Index(fields=["visitor", "-began"], name="demo_run_visitor"),
        ]

    def __str__(self) -> str:
        return f"{self.demo} {self.began:%H:%M:%S}"


class DemoScratch(models.Model):
    """A row that a demo writes in a naive way, to show its fate. No service reads it."""

    id = models.UUIDField(primary_key=True)
    run = models.UUIDField()
    value = models.BigIntegerField()
    at = models.DateTimeField()

    class Meta:
        db_table = "demo_scratch"
        indexes: ClassVar = [models.Index(fields=["run"], name="demo_scratch_run")]

    def __str__(self) -> str:
        return f"{self.run} {self.value}"
