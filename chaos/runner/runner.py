"""The runner: takes the oldest run of the queue, runs it, and stores its result."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from django.db import Error, connection, transaction

from chaos.experiments import repository
from chaos.experiments.catalogue import EXPERIMENTS
from chaos.experiments.document import steps_of
from chaos.experiments.incident import IncidentDocument
from chaos.experiments.models import ExperimentRun
from chaos.experiments.recording import told
from chaos.experiments.run import Interrupted, Run
from chaos.faults import engine
from chaos.repeating import repeated
from chaos.runner.announcement import Announcement
from chaos.runner.lock import RunLock
from chaos.runner.results import Results, RunResult
from chaos.safety.permits import REST_BETWEEN, WITHDRAWING
from cluster.health.running_experiment import read_running, write_running
from cluster.sign_of_life import SignOfLife
from compose.errors import PlainError

logger = logging.getLogger(__name__)

LOOK_EVERY: Final = 1.0  # seconds between two checks of the queue, or for a request to stop
LONGEST_RUN: Final = 900.0  # seconds: a longer run is stuck
LEFT_BEHIND: Final = "The runner died while this ran; what it had broken has been healed."
SWITCHED_OFF: Final = "the owner has switched faults off"
WITHDRAWN: Final = "its visitor wanted it to stop"


class Runner:
    """Runs one experiment at a time, for as long as the process lives."""

    def __init__(self, *, rest: float = REST_BETWEEN) -> None:
        self.rest = rest
        self._lock = RunLock()
        self._results = Results()
        self._sign = SignOfLife("chaos-runner")
        self._last_ended = 0.0  # monotonic seconds

    def serve(self) -> None:
        """Serve the queue until a signal ends the process."""
        while True:
            self._sign.give()
            try:
                did_something = self.step()
            except Error:
                connection.close()
                did_something = False
            if not did_something:
                time.sleep(LOOK_EVERY)

    def step(self) -> bool:
        """Do the next piece of work, and return False when there is none.

        Raises django.db.Error.
        """
        if not self._results.keep_all():
            connection.close()
            return False
        if not ExperimentRun.objects.filter(state=ExperimentRun.QUEUED).exists():
            # A run that is marked as running has lost its runner, if the run lock is free.
            running = ExperimentRun.objects.filter(state=ExperimentRun.RUNNING)
            if read_running() is not None or running.exists():
                with self._right("leftovers") as mine:
                    if mine:
                        self.settle_leftovers()
            return False
        if time.monotonic() - self._last_ended < self.rest:
            return False
        with self._right("the queue") as mine:
            if not mine:
                return False
            self.settle_leftovers()
            taken = self._take()
            if taken is not None:
                self._run(taken)
                self._last_ended = time.monotonic()
        return taken is not None

    def settle_leftovers(self) -> None:
        """Heal and close the runs of a dead runner.

        The caller must hold the run lock.
        """
        write_running(None)
        for run in ExperimentRun.objects.filter(state=ExperimentRun.RUNNING):
            engine.heal_all(run=str(run.id))
            run.state, run.words, run.ended_at = (
                ExperimentRun.FAILED,
                LEFT_BEHIND,
                datetime.now(UTC),
            )
            run.save(update_fields=["state", "words", "ended_at"])
            logger.warning("run %s was left by a dead runner", run.id)

    @contextmanager
    def _right(self, who: str) -> Iterator[bool]:
        """Take the run lock for the block if it is free, and yield whether it was."""
        mine = self._lock.try_to_take(who=f"the runner, for {who}")
        try:
            yield mine
        finally:
            self._lock.release()

    def _take(self) -> ExperimentRun | None:
        """Return the oldest queued run, marked as running, or None.

        A run that may not run any more is closed instead.
        """
        with transaction.atomic():
            run = (
                ExperimentRun.objects.select_for_update(skip_locked=True)
                .filter(state=ExperimentRun.QUEUED)
                .order_by("asked_at")
                .first()
            )
            if run is None:
                return None
            refusal = _refusal(run)
            run.began_at = datetime.now(UTC)
            run.state = ExperimentRun.FAILED if refusal else ExperimentRun.RUNNING
            if refusal:
                run.words, run.ended_at = refusal, run.began_at
            run.save(update_fields=["state", "words", "began_at", "ended_at"])
        return None if refusal else run

    def _run(self, row: ExperimentRun) -> None:
        experiment = EXPERIMENTS[row.experiment]
        audited = [
            repository.note(actor=row.asked_by, action=fault, target=target).pk
            for fault, target in what_is_done(row)
        ]
        with Announcement(row, title=experiment.title) as announcement:
            run = Run(
                experiment,
                rate=row.rate,
                actor=row.asked_by,
                seed=row.seed,
                identifier=str(row.id),
                say=announcement.say,
            )
            with _watched(run), _at_work(self._sign):
                document, words = _recorded(run)
            ended = datetime.now(UTC)
            self._results.put(
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
            announcement.say("ended", words)
            connection.close()  # it may be from before the fault
            self._results.keep_all()


def what_is_done(row: ExperimentRun) -> list[tuple[str, str]]:
    """Return fault and target of every step, for the audit trail."""
    experiment = EXPERIMENTS[row.experiment]
    steps = steps_of(experiment, row.seed)
    return [(step.fault, step.target) for step in steps] or [(experiment.fault, experiment.process)]


def _refusal(run: ExperimentRun) -> str:
    """Return why the run may not run any more, or "" when it may."""
    if run.experiment not in EXPERIMENTS:
        return "There is no such experiment any more."
    try:
        repository.require_allowed()
    except PlainError as error:
        return str(error)
    return ""


def _recorded(run: Run) -> tuple[IncidentDocument | None, str]:
    """Return the record, or None, with a sentence.

    Nothing stays broken after an error.
    """
    try:
        document = run.record()
    except Interrupted:
        raise
    except PlainError as error:
        return None, str(error)
    except Exception as error:
        logger.exception("the run failed")
        engine.heal_all(run=run.identifier)
        return None, f"It could not be run: {type(error).__name__}: {error}."
    return document, document.summary


@contextmanager
def _watched(run: Run) -> Iterator[None]:
    """Cut the run short when its visitor withdraws it or the owner switches faults off."""

    def look() -> bool:
        try:
            reason = _ask_to_stop(UUID(run.identifier))
        except Error:
            reason = ""  # the database may be what is broken
        connection.close()
        if reason:
            run.cut_short(reason)
        return not reason

    with repeated(look, every=LOOK_EVERY, name="withdrawals"):
        yield


@contextmanager
def _at_work(sign: SignOfLife) -> Iterator[None]:
    """Give the sign of life from a thread during a run, which does not return to the loop."""
    give_up = time.monotonic() + LONGEST_RUN

    def give() -> bool:
        sign.give()
        return time.monotonic() < give_up

    with repeated(give, every=LOOK_EVERY, name="sign-of-life"):
        yield


def _ask_to_stop(identifier: UUID) -> str:
    row = ExperimentRun.objects.filter(id=identifier).values_list("words", flat=True).first()
    if row == WITHDRAWING:
        return WITHDRAWN
    try:
        repository.require_allowed()
    except PlainError:
        return SWITCHED_OFF
    return ""
