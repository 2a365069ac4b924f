"""The engine of faults, which arms and injects a fault, and then heals and disarms it.

Thus every fault in force is on record, and a process that dies in between leaves the
watchdog enough to heal it. Every heal may be repeated, and has no effect where nothing is
broken.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from chaos.drivers.driver import Driver, choose_driver
from chaos.faults.fault import Fault, PausingFault
from chaos.faults.healed import ROLLBACK, HealedLog
from chaos.faults.registry import FAULTS, fault_named
from cluster.health.armed_faults import ArmedFault, ArmedFaults, new_armed_fault
from compose.errors import Misuse, PlainError
from config.waiting import constant, retry, wait_until

ROLLBACK_PATIENCE: Final = 10.0  # seconds: PostgreSQL and RabbitMQ restart within about that
PAUSE: Final = 0.25  # seconds between two attempts to heal
log = logging.getLogger(__name__)


class InjectionFailed(PlainError):
    """The fault could not be injected. Its parts in force are healed, or left armed."""


class NotHealed(PlainError):
    """The fault cannot be healed yet. It stays armed, and the watchdog goes on trying."""


@dataclass(frozen=True, slots=True)
class Healing:
    """The result of healing one armed fault, with `words` as a sentence on it."""

    armed: ArmedFault
    healed: bool
    words: str


@dataclass(frozen=True)
class Engine:
    """The driver, the registry and the records of one platform."""

    driver: Driver = field(default_factory=choose_driver)
    armed: ArmedFaults = field(default_factory=ArmedFaults)
    healed: HealedLog = field(default_factory=HealedLog)
    faults: Mapping[str, Fault] = field(default_factory=lambda: FAULTS)

    def inject(
        self,
        *,
        fault: str,
        target: str,
        seconds: float,
        actor: str,
        parameters: Mapping[str, Any] | None = None,
        run: str = "",
    ) -> tuple[ArmedFault, str]:
        """Inject a fault for at most `seconds`, and return its record and what was done, in words.

        Raises Misuse for a fault, target or parameter outside the catalogue, and InjectionFailed.
        """
        chosen = self._chosen(fault)
        chosen.check(target, parameters or {})
        if not seconds > 0:
            raise Misuse(f"A fault lasts for more than 0 seconds, not {seconds:g}.")
        if any((one.fault, one.target) == (fault, target) for one in self.armed.all()):
            raise InjectionFailed(f"{fault} is in force on {target} already.")
        self._refuse_second_pause(chosen, target)
        armed = new_armed_fault(
            fault=fault,
            target=target,
            seconds=seconds,
            actor=actor,
            parameters=dict(parameters or {}),
            run=run,
            lasts=chosen.lasts,
        )
        self.armed.arm(armed)
        try:
            words = chosen.inject(self.driver, armed)
        except BaseException as error:
            self._take_back(armed)
            if not isinstance(error, Exception):
                raise
            raise InjectionFailed(f"{fault} on {target} could not be injected: {error}") from error
        if not self.armed.has(armed.id):
            # It took so long that the watchdog has healed it: undo the part that came after.
            chosen.heal(self.driver, armed)
        return armed, words

    def heal(self, armed: ArmedFault, *, by: str = ROLLBACK, patience: float = 0.0) -> str:
        """Heal a fault, log the healer, disarm it, and return what was done, in words.

        Tries again for `patience` seconds while it cannot be healed, and then raises NotHealed.
        """

        def heal_if_armed() -> str | None:
            if not self.armed.has(armed.id):
                return None
            return self._chosen(armed.fault).heal(self.driver, armed)

        try:
            # With any error, the fault is not healed yet.
            words = retry(heal_if_armed, on=Exception, pauses=constant(PAUSE, within=patience))
        except Exception as error:
            raise NotHealed(
                f"{armed.fault} on {armed.target} cannot be healed yet: {error}"
            ) from error
        if words is not None:
            self._conclude(armed, by=by, words=words)
            return words
        healed = self.healed.of(armed.id)
        return f"healed already by the {healed.by}: {healed.words}" if healed else "healed already"

    def heal_each(
        self, *, run: str | None = None, by: str = ROLLBACK, patience: float = ROLLBACK_PATIENCE
    ) -> list[Healing]:
        """Heal every armed fault, or those of one run, newest first, and return the results.

        A fault that cannot be healed does not stop the others, and is tried again for `patience`
        seconds.
        """
        found = [one for one in self.armed.all() if run is None or one.run == run]
        done: dict[str, Healing] = {}

        def heal_the_rest() -> bool:
            for armed in reversed(found):
                if armed.id not in done or not done[armed.id].healed:
                    done[armed.id] = self._attempt(armed, by=by)
            return all(one.healed for one in done.values())

        wait_until(heal_the_rest, within=patience, every=PAUSE)
        return list(done.values())

    def _attempt(self, armed: ArmedFault, *, by: str) -> Healing:
        try:
            return Healing(armed, healed=True, words=self.heal(armed, by=by))
        except NotHealed as error:
            return Healing(armed, healed=False, words=str(error))

    def _chosen(self, name: str) -> Fault:
        return self.faults[name] if name in self.faults else fault_named(name)

    def _refuse_second_pause(self, chosen: Fault, target: str) -> None:
        """Raise InjectionFailed where another fault keeps one of its processes paused."""
        if not isinstance(chosen, PausingFault):
            return
        for one in self.armed.all():
            other = self._chosen(one.fault)
            if isinstance(other, PausingFault):
                for process in {*chosen.paused(target)} & {*other.paused(one.target)}:
                    raise InjectionFailed(
                        f"{process} is paused already, by {one.fault} on {one.target}."
                    )

    def _take_back(self, armed: ArmedFault) -> None:
        """Heal the parts of a failed injection, or leave them armed for the watchdog."""
        try:
            self.heal(armed)
        except NotHealed as error:
            log.warning("%s It is left to the watchdog.", error)

    def _conclude(self, armed: ArmedFault, *, by: str, words: str) -> None:
        # Logged first, so that a reader who finds it disarmed finds the healer. On a full disk the
        # log fails, and the fault is disarmed all the same.
        if self.armed.has(armed.id):
            with suppress(OSError):
                self.healed.note(armed, by=by, words=words)
        self.armed.disarm(armed.id)


def heal_all(*, run: str | None = None) -> list[str]:
    """Heal all faults of this platform, or of one run, and return a sentence on each."""
    return [one.words for one in Engine().heal_each(run=run)]
