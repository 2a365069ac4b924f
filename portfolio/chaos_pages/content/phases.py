"""The stations, one for each phase, that every run passes, and what to watch at each.

`static/chaos/phases.js` moves along the same stations in the browser.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from cluster.health.observer.snapshot import Snapshot
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


def since(moment: str) -> float:
    """Return the seconds since a moment of a document, at least 0."""
    return max(0.0, (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds())


def _calm(snapshot: Snapshot | None) -> str:
    if snapshot is None:
        return "The observer is away; whether anything is being broken is not known."
    return f"{NOBODY} {snapshot.words}"


def _standing(number: int, at: int) -> Standing:
    if number == at:
        return "here"
    return "passed" if number < at else "ahead"
