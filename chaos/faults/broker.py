"""Faults of the broker while it runs: connections closed, memory alarm, queues unread."""

from __future__ import annotations

from collections.abc import Sequence

from chaos.drivers.driver import Driver
from chaos.faults.fault import FaultWords, HardFault, MomentaryFault, PausingFault
from cluster.health.armed_faults import ArmedFault
from compose.replicas import worker_names
from compose.servers.rabbitmq import MEMORY_WATERMARK, VHOST
from config.environment import DATABASES

BROKER = "rabbitmq"


class CloseBrokerConnections(MomentaryFault):
    """Every client is disconnected at once, and connects again."""

    name = "close-broker-connections"
    words = FaultWords(
        title="Close every connection of the broker",
        verb="disconnected",
        what="The broker closes all connections; what was not acknowledged is delivered again.",
    )
    afterwards = "the clients connect again by themselves"

    def targets(self) -> tuple[str, ...]:
        return (BROKER,)

    def inject(self, driver: Driver, armed: ArmedFault) -> str:
        driver.broker("close_all_connections", "--vhost", VHOST, "closed by an experiment")
        return f"{armed.target} closed every connection of the virtual host {VHOST}"


class BrokerMemoryAlarm(HardFault):
    """The broker believes itself out of memory, and reads nothing more from publishers."""

    name = "broker-memory-alarm"
    words = FaultWords(
        title="Raise the broker's memory alarm",
        verb="alarmed",
        what="The broker stops reading from publishers, as it does when memory runs out.",
    )

    def targets(self) -> tuple[str, ...]:
        return (BROKER,)

    def inject(self, driver: Driver, armed: ArmedFault) -> str:
        driver.broker("set_vm_memory_high_watermark", "absolute", "1")
        return f"{armed.target} may use 1 byte of memory, and blocks publishers"

    def heal(self, driver: Driver, armed: ArmedFault) -> str:
        """Restore the limit, also right after a restart, which has reset it already."""
        driver.broker("set_vm_memory_high_watermark", str(MEMORY_WATERMARK))
        return f"{armed.target} may use {MEMORY_WATERMARK:.0%} of the memory again"


class PauseQueue(PausingFault):
    """The workers that read a service's queue are paused, so that it fills."""

    name = "pause-queue"
    words = FaultWords(
        title="Stop reading a queue",
        verb="left unread",
        what="The workers of a service are paused, and its queue fills.",
    )

    def targets(self) -> tuple[str, ...]:
        return DATABASES

    def paused(self, target: str) -> Sequence[str]:
        return worker_names(target)
