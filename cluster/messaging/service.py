"""The declaration of a service: its name, its rail code, and the explicit table of its handlers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cluster.messaging.contract import REGISTRY, ContractError, Kind, Payload
from cluster.messaging.fault_commands import fault_handlers
from cluster.messaging.history import History
from cluster.messaging.replays import Ways, replay_handlers
from cluster.messaging.streams import retention_of
from cluster.messaging.work import Handler, Scheduled


@dataclass(frozen=True)
class Service:
    """A service as the messaging layer sees it.

    `code` is the three letters of its rail. `handlers` has one entry for every type that it
    consumes, `schedule` lists its periodic work, and `ways` do again what is a dead letter and came
    by no queue.
    """

    name: str
    code: str
    handlers: Mapping[type[Payload], Handler]
    schedule: Sequence[Scheduled] = field(default_factory=tuple)
    ways: Ways = field(default_factory=dict)
    # Closed at the horizon, as scheduled work that `cluster/health/closing.py` adds.
    history: History = field(default_factory=History)
    # The site consumes every message there is, and records it instead of handling it.
    journals: bool = False

    @property
    def queue(self) -> str:
        return f"{self.name}.journal" if self.journals else f"{self.name}.inbox"

    @property
    def periodic_work(self) -> tuple[Scheduled, ...]:
        """Return its own schedule and the scheduled work that every database has."""
        return (*self.schedule, retention_of(self.name))

    @property
    def table(self) -> Mapping[type[Payload], Handler]:
        """Return its handlers, with those that every service with an inbox has."""
        if self.journals:
            return self.handlers
        replays = replay_handlers(self.name, self.ways)
        return {**self.handlers, **replays, **fault_handlers(self.name)}

    @property
    def dead_queue(self) -> str:
        return f"{self.name}.dead"

    @property
    def task_queue(self) -> str:
        return f"{self.name}.tasks"

    def consumes(self) -> frozenset[str]:
        """Return the names of all message types that this service's queue is bound to."""
        return frozenset(schema.message_type.name for schema in self.table)

    def check(self) -> None:
        """Raise ContractError unless the handler table is complete.

        Every command of this service has a handler here, and a service that consumes one event type
        of a publisher's aggregate consumes them all: only then is the `sequence` it sees without
        gaps.
        """
        heard = self.consumes()
        for declared in REGISTRY.values():
            if declared.kind is Kind.COMMAND:
                if declared.owner == self.name and declared.name not in heard:
                    raise ContractError(f"{self.name} has no handler for its {declared.name}")
                if declared.owner != self.name and declared.name in heard:
                    raise ContractError(f"{self.name} handles {declared.owner}'s {declared.name}")
            elif declared.name not in heard and any(
                REGISTRY[name].kind is Kind.EVENT
                and (REGISTRY[name].owner, REGISTRY[name].aggregate)
                == (declared.owner, declared.aggregate)
                for name in heard
            ):
                raise ContractError(
                    f"{self.name} hears some events of {declared.owner}'s {declared.aggregate}, "
                    f"but has no handler for {declared.name}"
                )
