"""The common part of hard faults: a closed list of targets, and parameters within bounds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from chaos.drivers.driver import Driver
from chaos.faults.fault import FaultKind, FaultWords
from cluster.health.armed_faults import ArmedFault
from compose.errors import Misuse


class HardFault(ABC):
    """A fault that affects all visitors (see `chaos.faults.fault.Fault`).

    `bounds` are the numbers that it takes as parameters, each with its least and its most.
    """

    name: str
    words: FaultWords
    kind = FaultKind.HARD
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
