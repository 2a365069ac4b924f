"""The runner's report on its run in progress: the file that the observer shows to everybody."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from django.db import Error, connection

from chaos.experiments.models import ExperimentRun
from chaos.experiments.recording import told
from chaos.repeating import repeated
from cluster.health.running_experiment import Phase, RunningExperiment, write_running

AGAIN_EVERY: Final = 3.0  # seconds; readers treat the file as stale much later


class Announcement:
    """The file on a run, rewritten at each report and every few seconds."""

    def __init__(self, run: ExperimentRun, *, title: str) -> None:
        now = told(datetime.now(UTC))
        self._shown = RunningExperiment(
            run=str(run.id),
            experiment=run.experiment,
            title=title,
            phase="preparing",
            words="It is about to begin.",
            began=told(run.began_at) if run.began_at else now,
            phase_began=now,
            asked_by=run.asked_by,
        )
        self._lock = threading.Lock()

    def say(self, phase: Phase, words: str) -> None:
        """Report the current phase."""
        moved = phase != self._shown.phase
        began = told(datetime.now(UTC)) if moved else self._shown.phase_began
        self._show(phase=phase, words=words, phase_began=began)

    def follow(self, order: UUID) -> None:
        """Report the visitor's own checkout, which begins with the first fault."""
        self._show(order=str(order))

    def count_the_queue(self) -> None:
        """Report the number of waiting runs, the last one while the database is away."""
        waiting = self._shown.waiting
        with suppress(Error):
            waiting = ExperimentRun.objects.filter(state=ExperimentRun.QUEUED).count()
        connection.close()
        self._show(waiting=waiting)

    def _show(self, **changes: Any) -> None:
        with self._lock, suppress(OSError):  # a run goes on while the disk is full
            self._shown = msgspec.structs.replace(self._shown, written_at=time.time(), **changes)
            write_running(self._shown)


@contextmanager
def announced(run: ExperimentRun, *, title: str) -> Iterator[Announcement]:
    """Show a run for as long as the block lasts."""
    announcement = Announcement(run, title=title)
    announcement.say("preparing", "It is about to begin.")
    try:
        with repeated(announcement.count_the_queue, every=AGAIN_EVERY, name="announcement"):
            yield announcement
    finally:
        write_running(None)
