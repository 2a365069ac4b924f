"""The visible queue: the run in progress, and the runs that wait."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from chaos.experiments.models import ExperimentRun
from chaos.safety.permits import QueuedRun, queue


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
