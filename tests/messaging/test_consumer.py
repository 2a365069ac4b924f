"""The consumer of one queue on a real RabbitMQ, called as by a worker's event loop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from cluster.messaging.consumer import QueueConsumer
from cluster.messaging.topology import connect
from tests.messaging.messages import reserve_stock
from tests.messaging.own_topology import OwnTopology, own_topology


class Forgetful:
    """A sink that applies nothing."""

    def apply(self, bodies: Sequence[bytes]) -> None:
        pass


@pytest.fixture
def own(broker_url: str) -> Iterator[OwnTopology]:
    with own_topology(broker_url) as found:
        yield found


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
