"""The runs of demos: what was chosen, and what came of it; and rows for the naive ways."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class DemoRun(models.Model):
    """One run; `id` is chosen by whoever asks, so that a form sent twice runs once.

    `visitor` is who asked: a run is public by its address, and names nobody. `result` is null
    while it goes on; `problem` says why there will be none.
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
    """A row that a demo writes in a naive way, to show what becomes of it; no service reads it."""

    id = models.UUIDField(primary_key=True)
    run = models.UUIDField()
    value = models.BigIntegerField()
    at = models.DateTimeField()

    class Meta:
        db_table = "demo_scratch"
        indexes: ClassVar = [models.Index(fields=["run"], name="demo_scratch_run")]

    def __str__(self) -> str:
        return f"{self.run} {self.value}"
