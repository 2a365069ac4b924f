"""The runner: takes the oldest run of the queue, runs it, and keeps what came of it."""

from __future__ import annotations

import logging
import threading
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
from chaos.runner.announcement import Announcement
from chaos.runner.lock import RunLock
from chaos.runner.results import Results, RunResult
from chaos.safety.permits import REST_BETWEEN, WITHDRAWING
from cluster.health.running_experiment import read_running, write_running
from cluster.sign_of_life import SignOfLife
from compose.errors import PlainError

logger = logging.getLogger(__name__)

LOOK_EVERY: Final = 1.0  # seconds between two looks at the queue, or at a wish to stop
LONGEST_RUN: Final = 900.0  # seconds; what runs for longer is stuck
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
        """Do the next thing there is to do; False when there is nothing. Raises django's Error."""
        if not self._results.keep_all():
            connection.close()
            return False
        if not ExperimentRun.objects.filter(state=ExperimentRun.QUEUED).exists():
            # What is still said to run has no living runner, if the right to run is free.
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
        """Heal and close what a dead runner has left; call it with the right to run."""
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
        """The right to break things, if nobody else has it."""
        mine = self._lock.try_to_take(who=f"the runner, for {who}")
        try:
            yield mine
        finally:
            self._lock.release()

    def _take(self) -> ExperimentRun | None:
        """The oldest queued run, marked as running; one that may not run is closed instead."""
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
            connection.close()  # it may be of before the fault
            self._results.keep_all()


def what_is_done(row: ExperimentRun) -> list[tuple[str, str]]:
    """Fault and target of every step, for the audit trail."""
    experiment = EXPERIMENTS[row.experiment]
    steps = steps_of(experiment, row.seed)
    return [(step.fault, step.target) for step in steps] or [(experiment.fault, experiment.process)]


def _refusal(run: ExperimentRun) -> str:
    """Why it may not run after all; empty when it may."""
    if run.experiment not in EXPERIMENTS:
        return "There is no such experiment any more."
    try:
        repository.require_allowed()
    except PlainError as error:
        return str(error)
    return ""


def _recorded(run: Run) -> tuple[IncidentDocument | None, str]:
    """The record, or None with the reason; whatever happens, nothing stays broken."""
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
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(LOOK_EVERY):
            try:
                reason = _wish_to_stop(UUID(run.identifier))
            except Error:
                reason = ""  # the database may be what is broken
            connection.close()
            if reason:
                run.cut_short(reason)
                return

    thread = threading.Thread(target=look, name="withdrawals", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@contextmanager
def _at_work(sign: SignOfLife) -> Iterator[None]:
    """Give the sign of life during a run, which asks no database and takes its time."""
    ended = threading.Event()

    def give() -> None:
        give_up = time.monotonic() + LONGEST_RUN
        while not ended.wait(LOOK_EVERY) and time.monotonic() < give_up:
            sign.give()

    thread = threading.Thread(target=give, name="sign-of-life", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _wish_to_stop(identifier: UUID) -> str:
    row = ExperimentRun.objects.filter(id=identifier).values_list("words", flat=True).first()
    if row == WITHDRAWING:
        return WITHDRAWN
    try:
        repository.require_allowed()
    except PlainError:
        return SWITCHED_OFF
    return ""
