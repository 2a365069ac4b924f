"""A service's queues and exchanges apart from those of the platform, on its real broker."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from unittest.mock import patch
from uuid import UUID, uuid4

import amqp

from cluster.catalog.contract import ReserveStock
from cluster.messaging import publisher, topology
from cluster.messaging.envelope import Envelope, encode_envelope
from cluster.messaging.publisher import OutboxRow, Publisher
from cluster.messaging.service import Service
from cluster.messaging.topology import connect, declare, queues
from cluster.messaging.work import ignore
from tests.messaging.messages import reserve_stock


class OwnTopology:
    """One service, which consumes ReserveStock, with as many partitions as a test declares."""

    def __init__(self, broker_url: str, name: str) -> None:
        self.service = Service(name, "TST", handlers={ReserveStock: ignore})
        self.connection = connect(broker_url, heartbeat=0)
        self.channel = self.connection.channel()
        self.publisher = Publisher(broker_url)

    def declare(self, partitions: int) -> None:
        declare(self.connection, [self.service], partitions={self.service.name: partitions})

    def publish(self, envelopes: Sequence[Envelope]) -> None:
        rows = [
            OutboxRow(number, str(one.id), "", one.type, one.subject, encode_envelope(one))
            for number, one in enumerate(envelopes)
        ]
        assert len(self.publisher.publish(rows)) == len(rows)

    def take(self, queues: Sequence[str], count: int) -> dict[str, list[amqp.Message]]:
        """Consume `count` messages from these queues, and return those of each queue."""
        taken: dict[str, list[amqp.Message]] = {queue: [] for queue in queues}
        channel = self.connection.channel()
        for queue, messages in taken.items():
            channel.basic_consume(queue, callback=messages.append, no_ack=True)
        while sum(map(len, taken.values())) < count:
            self.connection.drain_events(timeout=10)
        channel.close()
        return taken

    def exists(self, queue: str) -> bool:
        try:
            self.connection.channel().queue_declare(queue, passive=True)
        except amqp.NotFound:
            return False
        return True

    def close(self) -> None:
        self.publisher.close()
        for queue in queues(self.service, 3):
            self.channel.queue_delete(queue)
        for exchange in ("partitions", "events", "given-up"):
            self.channel.exchange_delete(f"{self.service.queue}.{exchange}")
        self.connection.close()


@contextmanager
def own_topology(broker_url: str) -> Iterator[OwnTopology]:
    """Publish messages to an exchange of the test's own until the end of the block."""
    own = OwnTopology(broker_url, f"test-{uuid4()}")
    with (
        patch.object(topology, "EXCHANGE", f"{own.service.queue}.events"),
        patch.object(publisher, "EXCHANGE", f"{own.service.queue}.events"),
        patch.object(topology, "DEAD_EXCHANGE", f"{own.service.queue}.given-up"),
    ):
        try:
            yield own
        finally:
            own.close()


def three_about_each(subjects: Sequence[UUID]) -> list[Envelope]:
    """Return commands numbered 1 to 3 about each subject, those of one subject far apart."""
    return [
        reserve_stock(subject_id=subject, sequence=sequence)
        for sequence in (1, 2, 3)
        for subject in subjects
    ]
