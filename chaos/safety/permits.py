"""Requests for runs: who may make them, how often, and the order of the queue.

Every refusal is a sentence, an HTTP status and, where waiting helps, the seconds to wait.
"""

from __future__ import annotations

import hashlib
import statistics
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from django.db import Error, connection, transaction
from django.db.models import QuerySet

from chaos.experiments.catalogue import Experiment, find, title_of
from chaos.experiments.experiment import RATE
from chaos.experiments.models import ExperimentRun, FaultSwitch
from chaos.experiments.storm import LARGEST_SEED
from cluster.messaging.envelope import new_message_id
from cluster.secrets.postgres import is_outage

MOST_WAITING: Final = 8  # runs of all visitors in the queue
MOST_IN_PERIOD: Final = 6  # runs that one visitor may ask for
# Limits of one address, which hold without cookies too. An office may share one address.
MOST_OPEN_OF_ADDRESS: Final = 4  # half of the queue stays for others
MOST_OF_ADDRESS: Final = 24  # in the same period, in which the cluster can run about sixty
PERIOD: Final = timedelta(hours=1)
SLOWEST, FASTEST = 0.5, 10.0  # checkouts a second that a visitor may load the platform with
# The pause between two runs, in which leases, heartbeats and queues return to normal.
REST_BETWEEN: Final = 8.0  # seconds

# One lock for the whole queue, without which two simultaneous requests could both pass the limits.
LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended('chaos-queue', 0))"
# The NOTIFY channel that wakes the runner.
QUEUE_CHANNEL: Final = "chaos_queue"
WAKE: Final = f"NOTIFY {QUEUE_CHANNEL}"
INSERT: Final = """
    INSERT INTO experiment_run
        (id, experiment, seed, rate, visitor, remote, asked_by, asked_at, state, words)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, '')
"""
AWAY: Final = "The site’s database is away, so nothing was asked for. Try again in a moment."

LATEST: Final = 200  # runs that the medians are made of
UNMEASURED: Final = 45.0  # seconds, until a run has been measured


class Refused(Exception):
    """The run may not be run, or not now. `retry_after` is in seconds where waiting helps."""

    def __init__(self, sentence: str, status: HTTPStatus, retry_after: int | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.status = status
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class QueuedRun:
    """One run in the queue, at `position` 0 if it is running, with its `wait` in words."""

    run: ExperimentRun
    title: str
    position: int
    wait: str


def public_name(visitor: str) -> str:
    """Return a visitor's public name, such as `visitor 4F2A`.

    It does not lead back to the session.
    """
    return f"visitor {hashlib.sha256(f'public {visitor}'.encode()).hexdigest()[:4].upper()}"


def ask_for_run(
    *,
    experiment: str,
    visitor: str,
    asked_by: str,
    remote: str = "",
    seed: int | None = None,
    rate: float | None = None,
) -> ExperimentRun:
    """Put a run into the queue, in a transaction of its own.

    `remote` is a keyed hash of the client's address; an empty one has no limit. Raises
    Refused.
    """
    with _in_transaction(), connection.cursor() as cursor:
        return enqueue(
            cursor,
            experiment=experiment,
            visitor=visitor,
            asked_by=asked_by,
            remote=remote,
            seed=seed,
            rate=rate,
        )


def enqueue(
    cursor: Any,
    *,
    experiment: str,
    visitor: str,
    asked_by: str,
    remote: str = "",
    seed: int | None = None,
    rate: float | None = None,
) -> ExperimentRun:
    """Put a run into the queue, in the transaction of the cursor. See `ask_for_run`."""
    chosen = _known(experiment)
    run = ExperimentRun(
        id=new_message_id(),
        experiment=chosen.name,
        seed=_checked_seed(chosen, seed),
        rate=_checked_rate(rate),
        visitor=visitor,
        remote=remote,
        asked_by=asked_by,
    )
    # Whoever holds the lock sees every run that was accepted before, on any connection.
    cursor.execute(LOCK)
    run.asked_at = datetime.now(UTC)
    _require_switched_on()
    _require_place(visitor, run.asked_at)
    _require_share(remote, run.asked_at)
    asked = (run.seed, run.rate, visitor, remote, asked_by, run.asked_at, run.state)
    cursor.execute(INSERT, (run.id, run.experiment, *asked))
    cursor.execute(WAKE)
    return run


def withdraw(run_id: UUID, visitor: str) -> ExperimentRun:
    """Withdraw a visitor's own run: remove it from the queue, or abort it.

    Raises Refused.
    """
    with _in_transaction():
        found = ExperimentRun.objects.select_for_update().filter(id=run_id).first()
        if found is None or found.visitor != visitor:
            raise Refused("There is no such run of yours.", HTTPStatus.NOT_FOUND)
        if found.state == ExperimentRun.QUEUED:
            found.state, found.words = ExperimentRun.WITHDRAWN, "It was withdrawn."
            found.ended_at = datetime.now(UTC)
        elif found.state == ExperimentRun.RUNNING:
            found.words = WITHDRAWING
        else:
            raise Refused("This run has ended already.", HTTPStatus.CONFLICT)
        found.save(update_fields=["state", "words", "ended_at"])
        return found


@contextmanager
def _in_transaction() -> Iterator[None]:
    """Run a block in one transaction, and raise Refused while the database is away."""
    try:
        with transaction.atomic():
            yield
    except Error as error:
        if not is_outage(error):
            raise
        connection.close()
        raise Refused(AWAY, HTTPStatus.SERVICE_UNAVAILABLE, 2) from error


# The `words` of a running run whose visitor wants it to stop, for which the runner checks.
WITHDRAWING: Final = "Its visitor wants it to stop."


def queue() -> list[QueuedRun]:
    """Return the running run first, then the queued ones in order, or raise django.db.Error."""
    waiting = list(_open_runs().order_by("asked_at"))
    waiting.sort(key=lambda run: run.state != ExperimentRun.RUNNING)
    seconds = typical_seconds()
    found, ahead, now = [], 0.0, datetime.now(UTC)
    position = 1
    for run in waiting:
        takes = seconds.of(run.experiment)
        if run.state == ExperimentRun.RUNNING:
            elapsed = (now - (run.began_at or now)).total_seconds()
            found.append(QueuedRun(run, title_of(run.experiment), 0, "it runs now"))
            ahead += max(5.0, takes - elapsed) + REST_BETWEEN
            continue
        found.append(QueuedRun(run, title_of(run.experiment), position, _in_words(ahead)))
        position += 1
        ahead += takes + REST_BETWEEN
    return found


def _known(name: str) -> Experiment:
    found = find(name)
    if found is None:
        raise Refused("There is no such experiment in the catalogue.", HTTPStatus.NOT_FOUND)
    return found


def _checked_seed(experiment: Experiment, seed: int | None) -> int | None:
    if not experiment.seeded:
        if seed is not None:
            raise Refused("Only a storm has a seed.", HTTPStatus.UNPROCESSABLE_ENTITY)
        return None
    if seed is None:
        return new_message_id().int % (LARGEST_SEED + 1)
    if not 0 <= seed <= LARGEST_SEED:
        raise Refused(
            f"A seed is a whole number from 0 to {LARGEST_SEED}.", HTTPStatus.UNPROCESSABLE_ENTITY
        )
    return seed


def _checked_rate(rate: float | None) -> float:
    if rate is None:
        return RATE
    if not SLOWEST <= rate <= FASTEST:  # false for NaN, too
        raise Refused(
            f"The rate lies between {SLOWEST:g} and {FASTEST:g} checkouts a second.",
            HTTPStatus.UNPROCESSABLE_ENTITY,
        )
    return rate


def _require_switched_on() -> None:
    switch = FaultSwitch.forbidding()
    if switch is not None:
        reason = f": {switch.reason.rstrip('.')}" if switch.reason else ""
        raise Refused(f"The owner has switched faults off{reason}.", HTTPStatus.FORBIDDEN)


def _require_place(visitor: str, now: datetime) -> None:
    if _open_runs().filter(visitor=visitor).exists():
        raise Refused(
            "One of your runs is waiting or running; ask again when it has ended.",
            HTTPStatus.TOO_MANY_REQUESTS,
            30,
        )
    recent = ExperimentRun.objects.filter(visitor=visitor, asked_at__gt=now - PERIOD)
    if recent.count() >= MOST_IN_PERIOD:
        oldest = recent.order_by("asked_at").values_list("asked_at", flat=True)[0]
        raise Refused(
            f"You have asked for {MOST_IN_PERIOD} runs within an hour; let others have a turn.",
            HTTPStatus.TOO_MANY_REQUESTS,
            max(1, int((oldest + PERIOD - now).total_seconds())),
        )
    waiting = _open_runs().filter(state=ExperimentRun.QUEUED).count()
    if waiting >= MOST_WAITING:
        raise Refused(
            f"{waiting} runs are waiting already; ask again in a few minutes.",
            HTTPStatus.SERVICE_UNAVAILABLE,
            120,
        )


def _require_share(remote: str, now: datetime) -> None:
    """Refuse more than an address's share of the queue and of the hour, for any visitors."""
    ExperimentRun.objects.exclude(remote="").filter(asked_at__lte=now - PERIOD).update(remote="")
    if not remote:
        return
    open_ = _open_runs().filter(remote=remote).count()
    if open_ >= MOST_OPEN_OF_ADDRESS:
        raise Refused(
            f"{open_} runs asked for from your address are waiting or running; "
            "ask again when one has ended.",
            HTTPStatus.TOO_MANY_REQUESTS,
            30,
        )
    recent = ExperimentRun.objects.filter(remote=remote).order_by("asked_at")
    if recent.count() >= MOST_OF_ADDRESS:
        oldest = recent.values_list("asked_at", flat=True)[0]
        raise Refused(
            f"{MOST_OF_ADDRESS} runs were asked for from your address within an hour; "
            "let others have a turn.",
            HTTPStatus.TOO_MANY_REQUESTS,
            max(1, int((oldest + PERIOD - now).total_seconds())),
        )


def _open_runs() -> QuerySet[ExperimentRun]:
    return ExperimentRun.objects.filter(state__in=(ExperimentRun.QUEUED, ExperimentRun.RUNNING))


def _in_words(seconds: float) -> str:
    if seconds < 15.0:  # noqa: PLR2004  (so soon that a number would be inexact)
        return "in a moment"
    if seconds < 90.0:  # noqa: PLR2004
        return f"in about {round(seconds, -1):.0f} s"
    return f"in about {round(seconds / 60):.0f} minutes"


@dataclass(frozen=True, slots=True)
class Typical:
    """Medians in seconds, by experiment."""

    by_experiment: Mapping[str, float]
    overall: float

    def of(self, experiment: str) -> float:
        return self.by_experiment.get(experiment, self.overall)


def typical_seconds() -> Typical:
    """Return the medians of the latest runs, in seconds, or raise django.db.Error."""
    ended = ExperimentRun.objects.filter(
        state=ExperimentRun.ENDED, began_at__isnull=False, ended_at__isnull=False
    ).order_by("-asked_at")
    found: dict[str, list[float]] = defaultdict(list)
    for name, began, end in ended.values_list("experiment", "began_at", "ended_at")[:LATEST]:
        if began is not None and end is not None:  # for the type checker: the filter says so
            found[name].append((end - began).total_seconds())
    every = [seconds for one in found.values() for seconds in one]
    return Typical(
        {name: statistics.median(seconds) for name, seconds in found.items()},
        statistics.median(every) if every else UNMEASURED,
    )
