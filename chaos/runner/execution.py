"""The execution of one run, for the queue and for the command line, with its trail and record."""

from __future__ import annotations

import logging
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from types import FrameType
from typing import Any, Final
from uuid import UUID

import msgspec
from django.db import Error, connection

from chaos.experiments import repository
from chaos.experiments.catalogue import experiment
from chaos.experiments.experiment import Experiment
from chaos.experiments.incident import IncidentDocument
from chaos.experiments.models import ExperimentRun
from chaos.experiments.recording import told
from chaos.experiments.run import Run, Say
from chaos.experiments.storm import steps_of
from chaos.runner.lock import RunLock
from chaos.runner.results import Results, RunResult
from cluster.health.running_experiment import Phase, RunningExperiment, write_running
from cluster.messaging.envelope import new_message_id
from compose.errors import PlainError
from config.waiting import repeated

logger = logging.getLogger(__name__)

# The requester's name on pages and in records. Only the audit trail has the user's own name.
COMMAND_LINE: Final = "the command line"

Beside = Callable[[Run], AbstractContextManager[None]]

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


def execute(
    row: ExperimentRun,
    *,
    actor: str,
    say: Say = lambda _phase, _words: None,
    beside: Beside = lambda _run: nullcontext(),
) -> IncidentDocument:
    """Run an experiment under the run lock, which the caller holds, and store its result.

    `actor` goes into the audit trail. `beside` is entered while it runs. Raises the error of a
    run that made no record, once nothing is broken any more and the error is stored.
    """
    chosen = experiment(row.experiment)
    audited = [
        repository.note(actor=actor, action=fault, target=target).pk
        for fault, target in what_is_done(row)
    ]
    with announced(row, title=chosen.title) as announcement:

        def tell(phase: Phase, words: str) -> None:
            announcement.say(phase, words)
            say(phase, words)

        def follow(order: UUID) -> None:
            row.order = order
            row.save(update_fields=["order"])
            announcement.follow(order)

        run = Run(
            chosen,
            rate=row.rate,
            actor=row.asked_by,
            seed=row.seed,
            identifier=str(row.id),
            say=tell,
            buyer=row.visitor,
            follow=follow,
        )
        document: IncidentDocument | None = None
        failure: PlainError | None = None
        try:
            with beside(run):
                document = run.record()
        except PlainError as error:
            failure = error
        except Exception as error:
            logger.exception("the run failed")
            failure = PlainError(f"It could not be run: {type(error).__name__}: {error}.")
        words = str(failure) if document is None else document.summary
        ended = datetime.now(UTC)
        results = Results()
        results.put(
            RunResult(
                run=str(row.id),
                state=ExperimentRun.ENDED if document else ExperimentRun.FAILED,
                words=words,
                began=told(row.began_at or ended),
                ended=told(ended),
                audited=audited,
                document=document,
            )
        )
        tell("ended", words)
        connection.close()  # it may be from before the fault
        results.keep_all()
    if document is None:
        raise failure or AssertionError
    return document


def run_by_hand(
    chosen: Experiment, *, rate: float, seed: int | None, actor: str, say: Say
) -> IncidentDocument:
    """Wait for the run lock, run the experiment, and store and return the incident.

    Raises PlainError, NotSteady.
    """
    repository.require_allowed()
    signal.signal(signal.SIGTERM, leave)
    lock = RunLock()
    lock.take(who=COMMAND_LINE, waiting=lambda who: say("preparing", f"Waiting for {who} to end"))
    # It never was in the queue, so this row is not stored.
    row = ExperimentRun(
        id=new_message_id(),
        experiment=chosen.name,
        seed=seed,
        rate=rate,
        asked_by=COMMAND_LINE,
        began_at=datetime.now(UTC),
    )
    try:
        return execute(row, actor=actor, say=say)
    finally:
        lock.release()


def what_is_done(row: ExperimentRun) -> list[tuple[str, str]]:
    """Return fault and target of every step, for the audit trail."""
    chosen = experiment(row.experiment)
    steps = steps_of(chosen, row.seed)
    return [(step.fault, step.target) for step in steps] or [(chosen.fault, chosen.process)]


def leave(_signum: int, _frame: FrameType | None) -> None:
    """End the process at a signal, as an exception that heals what a run has broken."""
    sys.exit(0)
