"""Messages that are known to have come to a service's queue, until they have an effect. Pure.

The broker counts the messages that it has ready, and a worker those that it holds. One that
hangs between the two is in neither count, but the journal has it: one exchange routes every
published message to the journal and to its consumers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from cluster.health.probes.database import Depths
from cluster.messaging.service import Service


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message that has come to a service's queue. `noted_at` is in seconds of the epoch."""

    message_id: UUID
    noted_at: float


class Arrivals:
    """For each service, one message that has come to its queue and has had no effect yet.

    It is the newest that was journalled when it was chosen. Services with partitions are left
    out: it is not known in which of them a message is.
    """

    def __init__(self, services: Iterable[Service], workers: Mapping[str, int]) -> None:
        consuming = [one for one in services if not one.journals and workers[one.name] == 1]
        self._types = {one.name: one.consumes() for one in consuming}
        self._queues = {one.name: one.queue for one in consuming}
        self._awaited: dict[str, Arrival] = {}
        self._noted: dict[str, float] = {}

    def note(self, service: str, depths: Depths) -> None:
        """Record the facts of a service's database, unless they are those of the last call."""
        if self._noted.get(service) == depths.at:
            return
        self._noted[service] = depths.at
        if depths.with_effect is not None and depths.with_effect == self.awaited(service):
            del self._awaited[service]
        for name, types in self._types.items():
            heard = [depths.newest[one] for one in types & depths.newest.keys()]
            if heard and name not in self._awaited:
                self._awaited[name] = Arrival(max(heard)[1], depths.at)

    def awaited(self, service: str) -> UUID | None:
        """Return the message id to look for in the database of a service."""
        found = self._awaited.get(service)
        return found.message_id if found else None

    def queues(self, *, settled: Mapping[str, float]) -> set[str]:
        """Return the queues with an awaited message, without those that have settled one since."""
        for name, queue in self._queues.items():
            found = self._awaited.get(name)
            if found is not None and settled.get(queue, 0.0) > found.noted_at:
                del self._awaited[name]
        return {self._queues[name] for name in self._awaited}
