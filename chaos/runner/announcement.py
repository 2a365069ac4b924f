"""The runner's report on its run in progress: the file that the observer shows to everybody."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Self

from django.db import Error, connection

from chaos.experiments.models import ExperimentRun
from chaos.experiments.recording import told
from cluster.health.running_experiment import Phase, RunningExperiment, write_running

AGAIN_EVERY: Final = 3.0  # seconds; readers treat the file as stale much later


class Announcement:
    """The file on a run, rewritten each phase and every few seconds, removed at the end."""

    def __init__(self, run: ExperimentRun, *, title: str) -> None:
        now = told(datetime.now(UTC))
        self._run = run
        self._title = title
        self._began = told(run.began_at) if run.began_at else now
        self._phase: Phase = "preparing"
        self._words = "It is about to begin."
        self._phase_began = now
        self._waiting = 0
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._repeat, name="announcement", daemon=True)

    def __enter__(self) -> Self:
        self._write()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()
        write_running(None)

    def say(self, phase: Phase, words: str) -> None:
        """Report the current phase."""
        with self._lock:
            if phase != self._phase:
                self._phase_began = told(datetime.now(UTC))
            self._phase, self._words = phase, words
        self._write()

    def _repeat(self) -> None:
        while not self._ended.wait(AGAIN_EVERY):
            try:
                self._waiting = ExperimentRun.objects.filter(state=ExperimentRun.QUEUED).count()
            except Error:
                pass  # the last number is good enough while the database is away
            finally:
                connection.close()
            self._write()

    def _write(self) -> None:
        with self._lock:
            write_running(
                RunningExperiment(
                    run=str(self._run.id),
                    experiment=self._run.experiment,
                    title=self._title,
                    phase=self._phase,
                    words=self._words,
                    began=self._began,
                    phase_began=self._phase_began,
                    asked_by=self._run.asked_by,
                    waiting=self._waiting,
                    written_at=time.time(),
                )
            )
