"""The interface of every fault, by which the platform injects and heals it, and hard faults.

Hard faults have a closed list of targets, and parameters within bounds.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from chaos.drivers.driver import Driver
from cluster.health.armed_faults import ArmedFault
from cluster.health.observer.naming import expected_processes, kind_of, service_of
from compose.errors import Misuse


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


class HardFault(ABC):
    """A fault that affects all visitors (see `Fault`).

    `bounds` are the numbers that it takes as parameters, each with its least and its most.
    """

    name: str
    words: FaultWords
    lasts = True
    bounds: ClassVar[Mapping[str, tuple[float, float]]] = {}

    @abstractmethod
    def targets(self) -> tuple[str, ...]:
        """Return the names of its targets."""

    def reaches(self, target: str) -> tuple[str, ...]:
        """Return the processes that it acts on: the target, unless a subclass says otherwise."""
        return (target,)

    @abstractmethod
    def inject(self, driver: Driver, armed: ArmedFault) -> str:
        """Inject the fault, and return what was done, in words."""

    @abstractmethod
    def heal(self, driver: Driver, armed: ArmedFault) -> str:
        """Undo the fault, however much of it was done, and return what was done, in words."""

    def check(self, target: str, parameters: Mapping[str, Any]) -> None:
        """Raise Misuse unless the target is in the list and every parameter within its bounds."""
        if target not in self.targets():
            raise Misuse(
                f"{self.name} cannot be applied to {target!r}; only to {', '.join(self.targets())}."
            )
        for parameter, value in parameters.items():
            if parameter not in self.bounds:
                raise Misuse(f"{self.name} takes no parameter {parameter!r}.")
            least, most = self.bounds[parameter]
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not (number and least <= value <= most):
                raise Misuse(
                    f"{self.name}: {parameter} is a number from {least:g} to {most:g}, "
                    f"not {value!r}."
                )


class PausingFault(HardFault):
    """A hard fault that keeps processes paused.

    A process that was paused twice is resumed by the first heal, which would end both faults.
    So the engine refuses a second pause of a process, under any fault's name.
    """

    @abstractmethod
    def paused(self, target: str) -> Sequence[str]:
        """Return the processes that it keeps paused while it is in force on `target`."""

    def reaches(self, target: str) -> tuple[str, ...]:
        return tuple(self.paused(target))

    def inject(self, driver: Driver, armed: ArmedFault) -> str:
        return "; ".join(driver.pause(name) for name in self.paused(armed.target))

    def heal(self, driver: Driver, armed: ArmedFault) -> str:
        """Resume the processes.

        A process that was killed and started again meanwhile is not paused, and stays as it is.
        """
        return "; ".join(driver.resume(name) for name in self.paused(armed.target))


class MomentaryFault(HardFault):
    """A hard fault that is over once it is injected. `afterwards` names the repair."""

    afterwards: str
    lasts = False

    def heal(self, driver: Driver, armed: ArmedFault) -> str:  # noqa: ARG002  (a Fault's heal)
        return self.afterwards
