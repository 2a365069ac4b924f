"""Faults of processes: killed, paused, or restarted by order.

The supervisor starts a process again that has ended. A paused process exists and gets no
processor time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from chaos.drivers.driver import Driver
from chaos.faults.fault import FaultWords, HardFault, PausingFault
from cluster.health.armed_faults import ArmedFault
from cluster.health.observer.naming import expected_processes

# They observe, heal and run the experiments, so they must not be broken themselves.
SPARED: Final = frozenset({"observer", "watchdog", "chaos-runner"})


class ProcessFault(HardFault):
    """A fault whose target is a process of the table."""

    def targets(self) -> tuple[str, ...]:
        return tuple(name for name in expected_processes() if name not in SPARED)


class KillProcess(ProcessFault):
    """SIGKILL, without a warning to the process, which is healed by a new start."""

    name = "kill-process"
    lasts = False
    words = FaultWords(
        title="Kill a process",
        verb="killed",
        what="The process ends at once, without a chance to finish or to say goodbye.",
    )

    def inject(self, driver: Driver, armed: ArmedFault) -> str:
        return driver.kill(armed.target)

    def heal(self, driver: Driver, armed: ArmedFault) -> str:
        return driver.ensure_running(armed.target)


class PauseProcess(ProcessFault, PausingFault):
    """SIGSTOP to it and its children, whose connections stay open without answers."""

    name = "pause-process"
    words = FaultWords(
        title="Pause a process",
        verb="paused",
        what="The process keeps its connections and its locks, and gets no time to run.",
    )

    def paused(self, target: str) -> Sequence[str]:
        return (target,)


class RestartProcess(ProcessFault):
    """A stop and a start, as in a deployment."""

    name = "restart-process"
    lasts = False
    words = FaultWords(
        title="Restart a process",
        verb="restarted",
        what="The process is asked to end, as at a deployment, and started again.",
    )

    def inject(self, driver: Driver, armed: ArmedFault) -> str:
        return driver.restart(armed.target)

    def heal(self, driver: Driver, armed: ArmedFault) -> str:
        return driver.ensure_running(armed.target)
