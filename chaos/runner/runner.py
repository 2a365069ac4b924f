"""The runner: takes the oldest run of the queue, runs it, and stores its result."""

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
from chaos.experiments.catalogue import find
from chaos.experiments.models import ExperimentRun
from chaos.experiments.run import Interrupted, Run, warm_up
from chaos.faults import engine
from chaos.runner.execution import execute
from chaos.runner.lock import RunLock
from chaos.runner.results import Results
from chaos.safety.permits import QUEUE_CHANNEL, REST_BETWEEN, WITHDRAWING
from cluster.health.running_experiment import read_running, write_running
from cluster.sign_of_life import SignOfLife
from compose.errors import PlainError
from config.waiting import repeated

logger = logging.getLogger(__name__)

LOOK_EVERY: Final = 1.0  # seconds between two checks of the queue, or for a request to stop
LONGEST_RUN: Final = 900.0  # seconds: a longer run is stuck
LEFT_BEHIND: Final = "The runner died while this ran; what it had broken has been healed."
SWITCHED_OFF: Final = "the owner has switched faults off"
WITHDRAWN: Final = "its visitor wanted it to stop"


class Runner:
    """Runs one experiment at a time, for as long as the process lives."""

    def __init__(self) -> None:
        self._lock = RunLock()
        self._results = Results()
        self._sign = SignOfLife("chaos-runner")
        self._rests_until = 0.0  # monotonic seconds

    def serve(self) -> None:
        """Serve the queue until a signal ends the process.

        A request wakes it; each second it looks also by itself.
        """
        threading.Thread(target=warm_up, name="warm-up", daemon=True).start()
        while True:
            self._sign.give()
            try:
                _listen()
                if not self.step():
                    resting = self._rests_until - time.monotonic()
                    _wait_for_request(resting if 0 < resting < LOOK_EVERY else LOOK_EVERY)
            except Error:
                connection.close()
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
        if time.monotonic() < self._rests_until:
            return False
        with self._right("the queue") as mine:
            if not mine:
                return False
            self.settle_leftovers()
            taken = self._take()
            if taken is not None:
                self._run(taken)
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
        try:
            execute(row, actor=row.asked_by, beside=self._beside)
        except Interrupted:
            raise
        except PlainError as error:  # it is stored as the run's end
            logger.warning("run %s made no record: %s", row.id, error)

    @contextmanager
    def _beside(self, run: Run) -> Iterator[None]:
        """Watch for a reason to stop a run, give the sign of life, and rest from its last fault.

        What it does after it has begun to verify disturbs nothing, so that the rest runs then.
        """
        with _watched(run), _at_work(self._sign):
            try:
                yield
            finally:
                self._rests_until = (run.verifying_since or time.monotonic()) + REST_BETWEEN


def _refusal(run: ExperimentRun) -> str:
    """Return why the run may not run any more, or "" when it may."""
    if find(run.experiment) is None:
        return "There is no such experiment any more."
    try:
        repository.require_allowed()
    except PlainError as error:
        return str(error)
    return ""


def _listen() -> None:
    """Have this connection woken by the next request, also if it is a new connection."""
    with connection.cursor() as cursor:
        cursor.execute(f"LISTEN {QUEUE_CHANNEL}")


def _wait_for_request(seconds: float) -> None:
    """Wait for a request, for so many seconds at most. Raises django.db.Error."""
    connection.ensure_connection()
    with connection.wrap_database_errors:
        for _ in connection.connection.notifies(timeout=seconds, stop_after=1):
            pass


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
