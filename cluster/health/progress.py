"""The rules of health: when a process is silent and when a queue is stalled. Pure.

The one definition that the command line, the pages, the metrics and the watchdog share. A queue
is stalled when its oldest message has not moved for STALLED_AFTER seconds while a worker claims
to consume it, and nothing that the worker needs is away. See docs/adr/0025-health-is-progress.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from msgspec import Struct

from cluster.messaging.heartbeats import Heartbeat

# Three heartbeats of 2 s, and the time until the observer reads them.
SILENT_AFTER: Final = 8.0  # seconds without a heartbeat or an answer
# The longest step of a saga takes ten seconds. A queue that rests three times as long is stuck.
STALLED_AFTER: Final = 30.0  # seconds
# A relay drains within milliseconds. A longer wait has a cause.
UNDRAINED_AFTER: Final = 10.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A worker's claim about one queue that it consumes. Moments are seconds of the epoch.

    `held_since`: since when it has had the oldest message that it has not acknowledged, without
    the time in which it could not work. `settled_at`: when it last acknowledged any.
    """

    queue: str
    worker: str
    told_at: float
    held_since: float | None
    settled_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLook:
    """One queue at one moment: whether messages wait in it, and its workers' claims.

    `able_since`: since when the broker, the database and the workers have all been there.
    """

    queue: str
    service: str
    waiting: bool
    claims: Sequence[Claim]
    able_since: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stall:
    """A queue that does not move, since when, and the worker that should move it."""

    queue: str
    service: str
    worker: str
    since: float

    def words(self, now: float) -> str:
        """Return the trouble in one sentence, the same everywhere."""
        return f"The queue {self.queue} has not moved for {max(0.0, now - self.since):.0f} s."

    def told(self, now: float) -> Stalled:
        """Return the stall as a document has it."""
        return Stalled(
            queue=self.queue,
            service=self.service,
            worker=self.worker,
            seconds=round(now - self.since, 1),
            words=self.words(now),
        )


class Stalled(Struct, frozen=True, kw_only=True):
    """A queue that has not moved for `seconds`, and the worker that should move it."""

    queue: str
    service: str
    worker: str
    seconds: float
    words: str


class ProgressTracker:
    """Remembers since when each queue has had messages. For one thread."""

    def __init__(self) -> None:
        self._waiting_since: dict[str, float] = {}

    def look(self, looks: Iterable[QueueLook], *, now: float) -> list[Stall]:
        """Return the queues stalled at `now`, and forget queues that are not in `looks`."""
        seen = list(looks)
        self._waiting_since = {
            look.queue: self._waiting_since.get(look.queue, now) for look in seen if look.waiting
        }
        stalls = (stall_of(look, self._waiting_since.get(look.queue)) for look in seen)
        return [stall for stall in stalls if stall is not None]


def stall_of(look: QueueLook, waiting_since: float | None = None) -> Stall | None:
    """Return the stall of one queue, or None.

    Without `waiting_since` only messages that workers hold count. The time is counted up to
    the workers' last heartbeats: they may have gone on since.
    """
    if not look.claims:
        return None
    holders = [claim for claim in look.claims if claim.held_since is not None]
    oldest = min(holders, key=lambda claim: claim.held_since or 0.0, default=None)
    found: list[Stall] = []
    if oldest is not None and oldest.held_since is not None:
        since = max(oldest.held_since, look.able_since)
        if oldest.told_at - since >= STALLED_AFTER:
            found.append(_stall(look, oldest, since))
    if waiting_since is not None:
        last = max(look.claims, key=lambda claim: claim.settled_at)
        since = max(waiting_since, last.settled_at, look.able_since)
        if min(claim.told_at for claim in look.claims) - since >= STALLED_AFTER:
            found.append(_stall(look, oldest or last, since))
    return min(found, key=lambda stall: stall.since, default=None)


def claims_of(beat: Heartbeat, *, told_at: float, now: float) -> list[Claim]:
    """Return a heartbeat's claim about each queue, none when it is old or of no consumer."""
    if not beat.consuming or now - told_at > SILENT_AFTER:
        return []
    return [
        Claim(
            queue=queue,
            worker=beat.process,
            told_at=told_at,
            held_since=None if told["held"] is None else told_at - told["held"],
            settled_at=told_at - told["settled"],
        )
        for queue, told in beat.detail.get("queues", {}).items()
    ]


def claim_detail(*, held: float | None, settled: float) -> dict[str, float | None]:
    """Return a heartbeat's part on one queue, in seconds, for `claims_of` to read."""
    return {"held": None if held is None else round(held, 1), "settled": round(settled, 1)}


def alarm_words(reason: str) -> str:
    """Return one sentence on an alarm of the broker, whose own words are `reason`."""
    return f"An alarm blocks whoever publishes: {reason}."


def broker_trouble(reason: str) -> str:
    """Return the same sentence where the broker is not named beside it."""
    return f"rabbitmq: {alarm_words(reason)}"


def queue_trouble(queue: str, *, exists: bool) -> str:
    """Return one sentence on a queue that is missing, or else has no consumer."""
    return f"Nobody consumes the queue {queue}." if exists else f"The queue {queue} does not exist."


def outbox_troubles(service: str, age: float | None) -> list[str]:
    """Return one sentence on an outbox whose oldest message waits too long (s), or none."""
    if age is None or age <= UNDRAINED_AFTER:
        return []
    return [f"The outbox of {service} has not been drained for {age:.0f} s."]


def unreadable_words(reason: str) -> str:
    """Return one sentence on a stream that cannot be read."""
    return f"The stream cannot be read: {reason}."


def _stall(look: QueueLook, claim: Claim, since: float) -> Stall:
    return Stall(queue=look.queue, service=look.service, worker=claim.worker, since=since)
