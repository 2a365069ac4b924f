"""The stations, one for each phase, that every run passes, and the timeline of a run so far.

In the browser `static/chaos/phases.js` moves along the same stations, and `static/chaos/run.js`
adds to the same timeline.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from chaos.experiments.models import ExperimentRun
from cluster.health.observer.snapshot import OutageSpan, Snapshot
from cluster.health.running_experiment import STALE_AFTER, Phase, RunningExperiment

Standing = Literal["passed", "here", "ahead"]

NOBODY: Final = "Nobody is breaking anything."
# The phases of a run in their order, each with its station's name and what to watch there.
STATIONS: Final[tuple[tuple[Phase, str, str], ...]] = (
    (
        "preparing",
        "Prepare",
        "Nothing is broken yet: the observer’s account and the last verdict are read.",
    ),
    (
        "steady before",
        "Steady",
        "Nothing is broken yet: checkouts at a steady rate, beside those that are always there.",
    ),
    (
        "injecting",
        "Break",
        "Watch for the bracket: it opens within a second of the fault, with cause and time.",
    ),
    (
        "recovering",
        "Recover",
        "Nobody helps. What cannot be delivered waits, as ticks at the bracket’s left edge.",
    ),
    (
        "draining",
        "Drain",
        "What waited is worked off in order; a struck tick is a delivery that came twice.",
    ),
    (
        "verifying",
        "Verify",
        "Every invariant is checked over all databases: money, stock, messages, order.",
    ),
)
NAMES: Final = tuple(name for name, _, _ in STATIONS)


@dataclass(frozen=True, slots=True)
class Station:
    """One station of the line, with its standing for the current run."""

    phase: Phase
    name: str
    watch: str
    standing: Standing


@dataclass(frozen=True, slots=True)
class Now:
    """The experiment in progress, in words. `run` is None while there is none."""

    run: RunningExperiment | None
    words: str
    watch: str
    stations: tuple[Station, ...]


def now(snapshot: Snapshot | None) -> Now:
    """Return the experiment in progress from the observer's last snapshot."""
    run = snapshot.experiment if snapshot else None
    if run is None:
        return Now(None, _calm(snapshot), "", stations(None))
    here = stations(run.phase)
    watch = next((one.watch for one in here if one.standing == "here"), "")
    return Now(run, words_of(run), watch, here)


def stations(phase: Phase | None) -> tuple[Station, ...]:
    """Return the line of stations with the run at `phase`.

    All stations are ahead without a run, and passed when it has ended.
    """
    at = len(STATIONS) if phase == "ended" else -1 if phase is None else NAMES.index(phase)
    return tuple(
        Station(name, title, watch, _standing(number, at))
        for number, (name, title, watch) in enumerate(STATIONS)
    )


def words_of(run: RunningExperiment) -> str:
    """Return the runner's words on its run, or for how many seconds it has written nothing."""
    silence = time.time() - run.written_at
    if run.written_at and silence > STALE_AFTER:
        return f"{run.title}. Last heartbeat of the runner {silence:.0f} s ago."
    return f"{run.title}. {run.words}"


def _calm(snapshot: Snapshot | None) -> str:
    if snapshot is None:
        return "The observer is away; whether anything is being broken is not known."
    return f"{NOBODY} {snapshot.words}"


def _standing(number: int, at: int) -> Standing:
    if number == at:
        return "here"
    return "passed" if number < at else "ahead"


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
