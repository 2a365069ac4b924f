"""What every fault can do, and how the platform is told to do it."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from chaos.drivers.driver import Driver
from cluster.health.armed_faults import ArmedFault


class FaultKind(enum.StrEnum):
    """Hard faults touch everybody and take the cluster-wide lock; soft ones only their visitor."""

    HARD = "hard"
    SOFT = "soft"


@dataclass(frozen=True, slots=True)
class FaultWords:
    """How a fault is told: `verb` in the past tense, `what` as a sentence on what is done."""

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

    def targets(self) -> tuple[str, ...]:
        """What it can be applied to: processes, databases, services or links, by name."""

    def check(self, target: str, parameters: Mapping[str, Any]) -> None:
        """Raise compose.errors.Misuse for a target or a parameter that is not in the catalogue."""

    def inject(self, driver: Driver, armed: ArmedFault) -> str:
        """Break it; the value says in words what was done. It is armed already."""

    def heal(self, driver: Driver, armed: ArmedFault) -> str:
        """Undo it, also when it was half done, done twice, or healed already; words again.

        Raises an error while it cannot be healed yet; whoever calls tries again.
        """
