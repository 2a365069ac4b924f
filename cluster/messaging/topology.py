"""What exists on the broker: exchanges, queues and bindings, declared once at bootstrap.

Everything is durable and quorum-replicated. Nothing is ever dropped: a full
queue refuses the publisher (`reject-publish`), and a message that is given up
on goes to the service's dead-letter queue at least once.
Source: https://www.rabbitmq.com/docs/quorum-queues
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import amqp
from kombu.utils.url import parse_url

from cluster.messaging.service import Service

EXCHANGE: Final = "cluster.events"
DEAD_EXCHANGE: Final = "cluster.dead"

# A message is redelivered when its consumer dies. Storms of kills must not
# exhaust the limit for innocent messages; a message that itself kills the
# worker reaches it within a minute.
DELIVERY_LIMIT: Final = 20
# Far beyond any backlog that the disk of one machine holds; beyond it the
# broker refuses, the outbox keeps, and nothing is lost.
MAX_LENGTH: Final = 1_000_000


def connect(url: str, *, heartbeat: int = 10, timeout: float = 5.0) -> amqp.Connection:
    """Open an AMQP connection by py-amqp, whose confirms are really waited for."""
    parts = parse_url(url)
    if parts["transport"] != "pyamqp":
        raise ValueError(f"the broker URL must start with pyamqp://, not {parts['transport']}://")
    connection = amqp.Connection(
        host=f"{parts['hostname']}:{parts['port'] or 5672}",
        userid=parts["userid"],
        password=parts["password"],
        virtual_host=parts["virtual_host"] or "/",
        heartbeat=heartbeat,
        connect_timeout=timeout,
        read_timeout=None,
    )
    connection.connect()
    return connection


def declare(channel: amqp.Channel, services: Sequence[Service], *, partitions: int = 1) -> None:
    """Declare the whole topology; declaring what exists with equal arguments changes nothing."""
    channel.exchange_declare(EXCHANGE, "topic", durable=True, auto_delete=False)
    channel.exchange_declare(DEAD_EXCHANGE, "direct", durable=True, auto_delete=False)
    for service in services:
        _declare_queue(channel, service.dead_queue, {})
        channel.queue_bind(service.dead_queue, DEAD_EXCHANGE, service.queue)
        keys = ["#"] if service.journals else sorted(service.consumes())
        if partitions > 1 and not service.journals:
            _declare_partitions(channel, service, keys, partitions)
        else:
            _declare_queue(channel, service.queue, _consumed(service))
            for key in keys:
                channel.queue_bind(service.queue, EXCHANGE, key)
        _declare_queue(channel, service.task_queue, {})


def partition_queues(service: Service, partitions: int) -> list[str]:
    """The queues that the replicas of a service consume: one, or one for each partition."""
    if partitions == 1:
        return [service.queue]
    return [f"{service.queue}.{number}" for number in range(partitions)]


def _declare_partitions(
    channel: amqp.Channel, service: Service, keys: Sequence[str], partitions: int
) -> None:
    """Spread a service's messages over queues by the hash of their subject.

    All messages of one subject land in one queue, and a single active consumer
    reads it: more replicas, and still the order of each aggregate.
    Source: rabbitmq_consistent_hash_exchange.
    """
    spread = f"{service.queue}.partitions"
    channel.exchange_declare(
        spread,
        "x-consistent-hash",
        durable=True,
        auto_delete=False,
        arguments={"hash-header": "subject"},
    )
    for key in keys:
        channel.exchange_bind(spread, EXCHANGE, key)
    for queue in partition_queues(service, partitions):
        _declare_queue(channel, queue, {**_consumed(service), "x-single-active-consumer": True})
        channel.queue_bind(queue, spread, "1")


def _consumed(service: Service) -> dict[str, Any]:
    return {
        "x-delivery-limit": DELIVERY_LIMIT,
        "x-dead-letter-exchange": DEAD_EXCHANGE,
        "x-dead-letter-routing-key": service.queue,
        "x-dead-letter-strategy": "at-least-once",
    }


def _declare_queue(channel: amqp.Channel, name: str, arguments: dict[str, Any]) -> None:
    channel.queue_declare(
        name,
        durable=True,
        auto_delete=False,
        arguments={
            "x-queue-type": "quorum",
            "x-overflow": "reject-publish",
            "x-max-length": MAX_LENGTH,
            **arguments,
        },
    )
