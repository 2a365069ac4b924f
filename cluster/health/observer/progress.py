"""The movement of each queue: the probes' facts, passed to the one definition. Pure.

A queue is examined while a worker that runs claims to consume it, and while its broker and its
database answer: a fault that is reported in another way is no stall.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from cluster.health.observer.health import Evidence, is_fresh
from cluster.health.progress import (
    Claim,
    ProgressTracker,
    QueueLook,
    Stall,
    claims_of,
)


class Progress:
    """Follows every queue from one tick to the next. For one thread."""

    def __init__(self) -> None:
        self._tracker = ProgressTracker()
        self.settled: dict[str, float] = {}  # when each queue was last seen to move

    def look(
        self,
        evidence: Iterable[Evidence],
        *,
        ready: Mapping[str, int],
        unapplied: Collection[str] = (),
        now: float,
    ) -> list[Stall]:
        """Return the stalls at `now`.

        `ready`: messages of each queue that no consumer has been given. `unapplied`: queues to
        which a message is known to have come that has had no effect yet.
        """
        workers = [one for one in evidence if one.kind == "worker"]
        return self._tracker.look(self._looks(workers, ready, unapplied), now=now)

    def forget(self) -> None:
        """Start again, since the observer itself has judged nothing for a while."""
        self._tracker = ProgressTracker()

    def _looks(
        self, workers: Iterable[Evidence], ready: Mapping[str, int], unapplied: Collection[str]
    ) -> Iterator[QueueLook]:
        claims: dict[str, list[Claim]] = defaultdict(list)
        able: dict[str, float] = {}
        services: dict[str, str] = {}
        for one in workers:
            able_since = _able_since(one)
            if able_since is None:
                continue
            for claim in _claims(one):
                claims[claim.queue].append(claim)
                able[claim.queue] = max(able_since, able.get(claim.queue, 0.0))
                services[claim.queue] = one.service or ""
        for queue, found in claims.items():
            self.settled[queue] = max(claim.settled_at for claim in found)
            yield QueueLook(
                queue=queue,
                service=services[queue],
                waiting=bool(ready.get(queue)) or queue in unapplied,
                claims=found,
                able_since=able[queue],
            )


def with_stalls(evidence: Iterable[Evidence], stalls: Iterable[Stall]) -> list[Evidence]:
    """Return the evidence, with the longest stall of each worker added."""
    longest: dict[str, Stall] = {}
    for stall in sorted(stalls, key=lambda stall: stall.since):
        longest.setdefault(stall.worker, stall)
    return [replace(one, stall=longest.get(one.name)) for one in evidence]


def _able_since(worker: Evidence) -> float | None:
    """Return since when a worker has had all that it needs, or None while it lacks something."""
    needs = (worker.broker_since, worker.depths_since, worker.running_since)
    known = [since for since in needs if since is not None]
    return max(known) if len(known) == len(needs) else None


def _claims(worker: Evidence) -> Iterator[Claim]:
    depths = worker.depths
    if depths is None or not is_fresh(depths, worker.now):
        return
    for beat in depths.heartbeats:
        if beat.process == worker.name:
            yield from claims_of(beat, told_at=depths.at - beat.age, now=worker.now)
