"""The whole check: wait for rest, examine, and report also what stays unknown."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cluster.health.checkers.audit import examine
from cluster.health.checkers.changes import search_all
from cluster.health.checkers.checkpoint import Checkpoint, Reading
from cluster.health.checkers.finding import Finding, Outcome, excuse
from cluster.health.checkers.narrowed import narrowed
from cluster.health.checkers.rest import Movement, movement, recently_touched
from cluster.health.checkers.snapshot import Snapshots
from cluster.messaging.service import Service
from config.waiting import wait_until

LOOK_AGAIN: Final = 0.25  # seconds between two checks for movement
# Under an ambient load rest may not come. An examination without a violation is enough then.
REST_WITHIN: Final = 3.0  # seconds
# A change this shortly before the first snapshot may be only partly in the others.
SETTLED: Final = 3.0  # seconds

ALL: Final = Reading()

Queues = Callable[[], Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """All findings. `at_rest`: nothing moved from before the examination to after it."""

    findings: tuple[Finding, ...]
    at_rest: bool
    moving: str
    seconds: float
    reading: Reading = ALL
    checkpoint: Checkpoint | None = None

    @property
    def clean(self) -> bool:
        """Return whether there is no violation, and every invariant is known."""
        return _is_clean(self.findings)

    def as_json(self) -> dict[str, Any]:
        return {
            "clean": self.clean,
            "at_rest": self.at_rest,
            "moving": self.moving,
            "seconds": round(self.seconds, 2),
            "violations": sum(f.outcome is Outcome.FAIL for f in self.findings),
            "unknown": sum(f.unknown for f in self.findings),
            "reading": self.reading.sentence,
            "invariants": [finding.as_json() for finding in self.findings],
        }


def verify(
    services: Sequence[Service],
    *,
    queues: Queues,
    wait: float,
    since: Checkpoint | None = None,
    because: str = "",
    by: str = "",
) -> Verdict:
    """Examine every invariant until none is violated, or for `wait` seconds.

    With `since` only what has changed since that checkpoint is read, if that can be told. `because`
    says why there is none. `by` asked for the verdict: a clean one for somebody has a checkpoint,
    which names what was in flight, so that the next verdict reads it.

    An invariant that may fail only for lack of rest is examined again. Under traffic that never
    rests it is enough that each earlier failure was seen to hold later, and that each present one
    concerns a saga in flight: everything that was there at the first examination is then decided.
    When the time is up, violations that a saga in flight explains are set aside.
    Raises DatabaseUnavailable and the errors of `queues`.
    """
    started = time.monotonic()
    end = started + wait
    failed: set[tuple[str, str]] = set()
    while True:
        before = _wait_for_rest(queues, min(end, time.monotonic() + REST_WITHIN))
        examined = time.monotonic()
        with Snapshots() as snapshots:
            view, found, reading = narrowed(snapshots, since, because)
            findings = examine(view, services)
            if found is None and by:
                found = search_all(snapshots)
        after = _look(queues)
        rested = before.at_rest and after.at_rest and before.mark == after.mark
        hopeful = any(f.at_rest and f.outcome is Outcome.FAIL for f in findings)
        if rested or not hopeful:
            break
        failing = {(f.name, v.about) for f in findings for v in f.violations if f.at_rest}
        is_over = time.monotonic() >= end
        if is_over or (failed and not failed & failing):
            excused = _excused(findings, [before, after], since=examined)
            if is_over or _is_clean(excused):
                findings = excused
                break
        failed |= failing
    moving = (after if before.at_rest else before).sentence()
    checkpoint = None
    if found is not None and by and _is_clean(findings):
        pending = frozenset[str]() if rested else _in_flight([before, after], since=examined)
        checkpoint = found.checkpoint(by=by, pending=pending)
    seconds = time.monotonic() - started
    return Verdict(tuple(findings), rested, moving, seconds, reading, checkpoint)


def _is_clean(findings: Iterable[Finding]) -> bool:
    return not any(f.outcome is Outcome.FAIL or f.unknown for f in findings)


def _excused(
    findings: Sequence[Finding], looks: Sequence[Movement], *, since: float
) -> list[Finding]:
    in_flight = _in_flight(looks, since=since)
    backlog = any(look.backlog for look in looks)
    return [excuse(finding, in_flight=in_flight, backlog=backlog) for finding in findings]


def _in_flight(looks: Sequence[Movement], *, since: float) -> frozenset[str]:
    """Return the ids of all that has moved since a moment shortly before the examination."""
    with Snapshots() as snapshots:
        touched = recently_touched(snapshots, within=time.monotonic() - since + SETTLED)
    return touched.union(*(look.in_flight for look in looks))


def _wait_for_rest(queues: Queues, end: float) -> Movement:
    """Wait for rest, which two checks must find, or until `end`, and return the last movement."""
    earlier: Movement | None = None

    def rests(now: Movement) -> bool:
        nonlocal earlier
        before, earlier = earlier, now
        return before is not None and now.at_rest and now.mark == before.mark

    within = end - time.monotonic()
    return wait_until(lambda: _look(queues), holds=rests, within=within, every=LOOK_AGAIN)


def _look(queues: Queues) -> Movement:
    ready = queues()
    with Snapshots() as snapshots:
        return movement(snapshots, ready)
