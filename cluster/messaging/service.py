"""The declaration of a service: its name, its rail code, and the explicit table of its handlers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from cluster.messaging.contract import REGISTRY, ContractError, Kind, Payload
from cluster.messaging.dead_letters import Rejected
from cluster.messaging.fault_commands import fault_handlers
from cluster.messaging.history import History
from cluster.messaging.replays import Ways, replay_handlers
from cluster.messaging.streams import retention_of
from cluster.messaging.work import Handler, Scheduled
from cluster.secrets.postgres import DatabaseSession


class Sink(Protocol):
    """Applies the messages of one queue."""

    def apply(self, bodies: Sequence[bytes], arrivals: Sequence[int] = ()) -> None:
        """Apply the messages and commit.

        `arrivals` are the times at which they came, in ns of the epoch. Raises psycopg.Error in an
        outage, or TransientFailure.
        """

    def give_up(self, letter: Rejected) -> None:
        """Keep a message that cannot be applied as a dead letter.

        Raises psycopg.Error in an outage.
        """


@dataclass(frozen=True)
class Service:
    """A service as the messaging layer sees it.

    `code` is the three letters of its rail. `handlers` has one entry for every type that it
    consumes, `schedule` lists its periodic work, and `ways` do again what is a dead letter and came
    by no queue. `commands` are those that it sends to other services: the broker takes no others.
    The site has a `journal` instead of handlers: the sink of every message there is.
    """

    name: str
    code: str
    handlers: Mapping[type[Payload], Handler]
    schedule: Sequence[Scheduled] = field(default_factory=tuple)
    ways: Ways = field(default_factory=dict)
    commands: Sequence[type[Payload]] = ()
    journal: Callable[[DatabaseSession], Sink] | None = None
    # Closed at the horizon, as scheduled work that `cluster/health/closing.py` adds.
    history: History = field(default_factory=History)

    @property
    def journals(self) -> bool:
        return self.journal is not None

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

    def publishes(self) -> frozenset[str]:
        """Return the names of its own types, and of the commands of others that it sends."""
        own = {declared.name for declared in REGISTRY.values() if declared.owner == self.name}
        return frozenset(own | {schema.message_type.name for schema in self.commands})

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
