"""The interface of every fault, by which the platform injects and heals it."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from chaos.drivers.driver import Driver
from cluster.health.armed_faults import ArmedFault
from cluster.health.observer.naming import expected_processes, kind_of, service_of


class FaultKind(enum.StrEnum):
    """Hard faults affect everybody and take the cluster-wide lock. Soft ones affect one visitor."""

    HARD = "hard"
    SOFT = "soft"


@dataclass(frozen=True, slots=True)
class FaultWords:
    """The words for a fault: `verb` in the past tense, `what` as a sentence on its effect."""

    title: str
    verb: str
    what: str


class Fault(Protocol):
    """One way to break something. `inject` and `heal` may be called from different processes."""

    @property
    def name(self) -> str: ...

    @property
    def kind(self) -> FaultKind: ...

    @property
    def words(self) -> FaultWords: ...

    @property
    def lasts(self) -> bool:
        """False for a fault that is over once it is injected."""

    def targets(self) -> tuple[str, ...]:
        """Return the names of its targets: processes, databases, services or links."""

    def reaches(self, target: str) -> tuple[str, ...]:
        """Return the processes that it acts on, the main one first."""

    def check(self, target: str, parameters: Mapping[str, Any]) -> None:
        """Raise compose.errors.Misuse for a target or a parameter that is not in the catalogue."""

    def inject(self, driver: Driver, armed: ArmedFault) -> str:
        """Inject the fault, which is armed already, and return what was done, in words."""

    def heal(self, driver: Driver, armed: ArmedFault) -> str:
        """Undo the fault, also if half done, repeated or healed already, and return what was done.

        Raises an error while it cannot be healed yet, and the caller tries again.
        """


def clients_of(service: str) -> tuple[str, ...]:
    """Return the processes of a service, without its database."""
    return tuple(
        name
        for name in expected_processes()
        if service_of(name) == service and kind_of(name) != "database"
    )
