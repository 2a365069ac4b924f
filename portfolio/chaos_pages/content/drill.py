"""Guided runs: one experiment with a guide that says, station by station, what to watch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cluster.health.observer.snapshot import Snapshot
from cluster.health.running_experiment import Phase
from portfolio.chaos_pages.content.phases import NAMES, Standing


@dataclass(frozen=True, slots=True)
class Lesson:
    """One step of a guided run, with the phases in which it is the current step."""

    phases: tuple[Phase, ...]
    title: str
    words: str


@dataclass(frozen=True, slots=True)
class Drill:
    """A guided run. `experiment` is its name in the catalogue."""

    experiment: str
    title: str
    button: str
    words: str
    lessons: tuple[Lesson, ...]


_BEFORE: Final = Lesson(
    ("preparing", "steady before"),
    "The platform at work",
    "Each slanted line of the graph is a checkout on its way through five services. The "
    "experiment hands in more of them, at a steady rate, and measures what is normal.",
)
_PROOF: Final = Lesson(
    ("verifying",),
    "The proof",
    "Every checkout must have ended. Then each invariant is counted over all databases, and "
    "the report keeps the counts, the times, and this graph, to be replayed.",
)

KILL: Final = Drill(
    experiment="kill-rabbitmq",
    title="Kill the broker",
    button="Start: kill the broker",
    words="RabbitMQ carries every message between the services. It gets SIGKILL, under load; "
    "the whole takes less than a minute.",
    lessons=(
        _BEFORE,
        Lesson(
            ("injecting",),
            "The signal",
            "The broker’s process gets no time to say goodbye. On the shared strip at the foot "
            "of the graph a hatched bracket opens, with the cause and the time of its death.",
        ),
        Lesson(
            ("recovering",),
            "Nobody helps",
            "Traces run level: nobody can ask the next service. Checkouts are accepted all the "
            "same, and their messages wait in each outbox. When the broker has answered "
            "again, the bracket closes with a ring and the seconds it took.",
        ),
        Lesson(
            ("draining",),
            "The backlog leaves",
            "The messages that waited go out in the order in which they were committed. A short "
            "struck tick is a duplicate, which is ignored.",
        ),
        _PROOF,
    ),
)

STORM: Final = Drill(
    experiment="storm",
    title="A storm of several faults",
    button="Start: a storm",
    words="Several faults in half a minute, drawn from a seed that the report names, so that the "
    "same storm can be run again.",
    lessons=(
        _BEFORE,
        Lesson(
            ("injecting",),
            "One after another",
            "Brackets open on several rails. A process whose rail is hatched is away; one that "
            "only waits for it keeps its rail, and its traces run level.",
        ),
        Lesson(
            ("recovering",),
            "Nobody helps",
            "Each fault is taken back when its time is up, by the method or by the watchdog, "
            "and each process is back when it does its work again, not when it has been started.",
        ),
        Lesson(
            ("draining",),
            "The backlog leaves",
            "Sagas that met their deadline are compensated: dashed traces that "
            "run back, with hollow diamonds. All others go on from where they stood.",
        ),
        _PROOF,
    ),
)
DRILLS: Final = (KILL, STORM)


@dataclass(frozen=True, slots=True)
class Step:
    """A lesson with its standing in the current run."""

    lesson: Lesson
    standing: Standing

    @property
    def phases(self) -> str:
        """The phases, joined by commas for the page's script."""
        return ",".join(self.lesson.phases)


def steps(drill: Drill, snapshot: Snapshot | None) -> tuple[Step, ...]:
    """Return the steps of a guided run, which are all ahead while it does not run."""
    run = snapshot.experiment if snapshot else None
    if run is None or run.experiment != drill.experiment:
        return tuple(Step(lesson, "ahead") for lesson in drill.lessons)
    at = len(NAMES) if run.phase == "ended" else NAMES.index(run.phase)
    return tuple(Step(lesson, _standing(lesson, at)) for lesson in drill.lessons)


def _standing(lesson: Lesson, at: int) -> Standing:
    places = [NAMES.index(phase) for phase in lesson.phases]
    if at in places:
        return "here"
    return "passed" if max(places) < at else "ahead"
