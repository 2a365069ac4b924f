"""The visible queue: the run in progress, the runs that wait, and the switch that closes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from chaos.experiments.models import ExperimentRun, FaultSwitch
from chaos.safety.permits import QueuedRun, queue

# The owner's switch for hard faults.
OFF: Final = "The owner has switched hard faults off"


@dataclass(frozen=True, slots=True)
class Place:
    """One run of the queue. `mine` when it is this visitor's own."""

    queued: QueuedRun
    mine: bool

    @property
    def words(self) -> str:
        if not self.queued.position:
            return "runs now"
        return "next" if self.queued.position == 1 else f"number {self.queued.position}"


def places(visitor: str) -> list[Place]:
    """Return the queue as this visitor sees it. Raises django.db.Error."""
    return [Place(one, bool(visitor) and one.run.visitor == visitor) for one in queue()]


def place_of(run: UUID, visitor: str) -> Place | None:
    """Return one run's entry in the queue, or None without one. Raises django.db.Error."""
    return next((place for place in places(visitor) if place.queued.run.id == run), None)


def is_open(run: ExperimentRun) -> bool:
    """Return whether the run waits or runs."""
    return run.state in (ExperimentRun.QUEUED, ExperimentRun.RUNNING)


def closed() -> str:
    """Return why visitors may break nothing now, empty when they may. Raises django.db.Error."""
    switch = FaultSwitch.forbidding()
    if switch is None:
        return ""
    return f"{OFF}: {switch.reason}" if switch.reason else f"{OFF}."
