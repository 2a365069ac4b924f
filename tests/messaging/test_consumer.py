"""The consumer of one queue on a real RabbitMQ, called as by a worker's event loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from unittest.mock import Mock

import kombu
import pytest

from cluster.catalog.contract import ReserveStock
from cluster.messaging import topology
from cluster.messaging.consumer import InboxStep, QueueConsumer
from cluster.messaging.dead_letters import Rejected
from cluster.messaging.publisher import NotJournalled
from cluster.messaging.topology import connect
from tests.conditions import eventually
from tests.messaging.messages import reserve_stock
from tests.messaging.own_topology import OwnTopology


class Forgetful:
    """A sink that applies nothing."""

    def apply(self, bodies: Sequence[bytes], arrivals: Sequence[int] = ()) -> None:
        pass

    def give_up(self, letter: Rejected) -> None:
        raise AssertionError(letter)


def test_what_the_broker_gives_out_again_is_counted(own: OwnTopology, broker_url: str) -> None:
    own.declare(1)
    own.publish([reserve_stock() for _ in range(3)])

    for again in (0, 3):  # the first consumer dies with its deliveries
        connection = connect(broker_url, heartbeat=0)
        consumer = QueueConsumer(own.service.queue, Forgetful())
        consumer.start(connection.channel())
        while consumer.waiting < 3:
            connection.drain_events(timeout=10)
        assert consumer.redelivered == again
        connection.collect()


class Hub:
    """The event loop of a worker, as far as the step uses it. Its timers are called by hand."""

    def __init__(self) -> None:
        self.on_tick: set[Callable[[], None]] = set()
        self.timers: list[Callable[[], None]] = []

    def call_repeatedly(self, _every: float, act: Callable[[], None]) -> Mock:
        self.timers.append(act)
        return Mock()


def is_routed(own: OwnTopology) -> bool:
    try:
        own.publish([reserve_stock()])
    except NotJournalled:
        return False
    return True


@pytest.mark.parametrize("partitions", [1, 2])
def test_a_worker_declares_what_was_removed_at_each_connection_and_goes_on_binding_it(
    own: OwnTopology, broker_url: str, partitions: int
) -> None:
    name = own.service.queue if partitions == 1 else f"{own.service.queue}.0"
    consumer = QueueConsumer(name, Forgetful())
    app = SimpleNamespace(service=own.service, partitions=partitions, queue_consumers=[consumer])
    topology.declare_exchanges(own.connection)
    for _ in range(2):  # the queue was never there, and then is deleted
        hub = Hub()
        with kombu.Connection(broker_url) as connection:
            step = InboxStep(parent := SimpleNamespace(app=app, connection=connection, hub=hub))
            step.start(parent)
            assert consumer.consuming
            assert is_routed(own)

            key, events = ReserveStock.message_type.name, topology.EXCHANGE
            own.channel.queue_unbind(own.service.queue, events, key)
            own.channel.exchange_delete(f"{own.service.queue}.partitions")
            assert not is_routed(own)
            if partitions == 1:
                for timer in hub.timers:
                    timer()
                eventually(lambda: is_routed(own))
            step.stop(parent)
        own.channel.queue_delete(name)
