"""The timeline of a run so far, from its row and from the observer's snapshot.

`static/chaos/run.js` adds to the same list while the page is open.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from chaos.experiments.models import ExperimentRun
from cluster.health.observer.snapshot import OutageSpan, Snapshot
from portfolio.chaos_pages.content.phases import STATIONS


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of a run's timeline. `key` is unique in the run."""

    key: str
    at: datetime
    mark: str
    verb: str
    words: str


def happenings(run: ExperimentRun, snapshot: Snapshot | None) -> list[Happening]:
    """Return the timeline until now, oldest first."""
    found = [*_of_run(run), *_of_platform(run, snapshot)]
    return sorted(found, key=lambda one: one.at)


def _of_run(run: ExperimentRun) -> Iterator[Happening]:
    yield Happening("asked", run.asked_at, "committed", "asked for", f"by {run.asked_by}")
    if run.began_at:
        yield Happening("began", run.began_at, "committed", "begun", "its turn has come")
    if run.ended_at:
        mark = "committed" if run.state == ExperimentRun.ENDED else "compensated"
        yield Happening("ended", run.ended_at, mark, run.state, run.words)


def _of_platform(run: ExperimentRun, snapshot: Snapshot | None) -> Iterator[Happening]:
    if snapshot is None or run.began_at is None:
        return
    running = snapshot.experiment
    if running and running.run == str(run.id) and running.phase != "ended":
        name = next(name for phase, name, _ in STATIONS if phase == running.phase)
        began = datetime.fromisoformat(running.phase_began)
        yield Happening(f"phase-{running.phase}", began, "in-flight", name.lower(), running.words)
    for fault in snapshot.faults:
        if fault.run == str(run.id):
            at = datetime.fromtimestamp(fault.armed_at, UTC)
            yield Happening(f"fault-{fault.id}", at, "failed", fault.fault, f"on {fault.target}")
    for span in snapshot.outages:
        began = datetime.fromisoformat(span.began)
        if began >= run.began_at and (run.ended_at is None or began <= run.ended_at):
            yield from _of_outage(span, began)


def _of_outage(span: OutageSpan, began: datetime) -> Iterator[Happening]:
    yield Happening(f"away-{span.id}", began, "failed", "away", f"{span.process}: {span.cause}")
    if span.ended:
        back = f"{span.process}, +{span.seconds or 0.0:.1f} s"
        ended = datetime.fromisoformat(span.ended)
        yield Happening(f"back-{span.id}", ended, "committed", "recovered", back)
