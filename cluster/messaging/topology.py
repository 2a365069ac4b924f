"""The topology on the broker: exchanges, queues and bindings.

The whole is declared at bootstrap, by the operator's user. A worker, who may declare no exchange
that all share, declares its own queues at each connection and binds them again every BIND_EVERY
seconds, so that a queue or a binding that somebody removed is back.
Everything is durable and quorum-replicated. Nothing is ever dropped: a full queue refuses the
publisher (`reject-publish`), and a message beyond its delivery limit goes to the service's
dead-letter queue at least once. A service with several workers has a partition for each:
docs/adr/0011.
Source: https://www.rabbitmq.com/docs/quorum-queues
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import uuid4

import amqp
from kombu.utils.url import parse_url

from cluster.messaging import tolerant_decoding
from cluster.messaging.service import Service
from config import environment

logger = logging.getLogger(__name__)

EXCHANGE: Final = "cluster.events"
DEAD_EXCHANGE: Final = "cluster.dead"
# Leads a message to one queue alone. The broker's default exchange does too, but there the right to
# write reaches every queue, and here it is given by type and queue (`addressed`).
QUEUES: Final = "cluster.queues"
LONGEST_KEY: Final = 255  # bytes

# The header that decides a message's partition: the id of the aggregate.
PARTITION_KEY: Final = "partitionkey"

BIND_EVERY: Final = 5.0  # seconds; an existing binding costs the broker a look

MARKER: Final = "cluster.end_of_queue"  # the type of a message that only `_move` reads
MOVED_AT_ONCE: Final = 100  # messages
MOVE_PATIENCE: Final = 10.0  # seconds between two messages, the marker included

# A message is redelivered when its consumer dies. Many kills in a row must not exhaust the limit of
# harmless messages. A message that itself kills the worker reaches it within a minute.
DELIVERY_LIMIT: Final = 20
# Far beyond any backlog that the disk of one machine holds. At this length the broker refuses
# messages, the outbox keeps them, and nothing is lost.
MAX_LENGTH: Final = 1_000_000


class PartitionInUse(Exception):
    """A partition is to be deleted and still has consumers, so messages could be lost."""


def connect(url: str, *, heartbeat: int = 10, timeout: float = 5.0) -> amqp.Connection:
    """Open an AMQP connection by py-amqp, whose confirms are really waited for."""
    parts = parse_url(url)
    if parts["transport"] != "pyamqp":
        raise ValueError(f"the broker URL must start with pyamqp://, not {parts['transport']}://")
    tolerant_decoding.install()
    connection = amqp.Connection(
        host=f"{parts['hostname']}:{parts['port'] or 5672}",
        userid=parts["userid"],
        password=parts["password"],
        virtual_host=parts["virtual_host"] or "/",
        heartbeat=heartbeat,
        connect_timeout=timeout,
        read_timeout=None,
        client_properties=client_properties(),
    )
    connection.connect()
    return connection


def client_properties() -> dict[str, Any]:
    """Return the properties that name this process and its service to the broker."""
    service = environment.own_service()
    name = environment.setting("PROCESS_NAME", service)
    return {"connection_name": name, "service": service}


def declare(
    connection: amqp.Connection,
    services: Sequence[Service],
    *,
    partitions: Mapping[str, int] | None = None,
) -> None:
    """Declare the whole topology.

    Declaring what exists with equal arguments changes nothing. `partitions` gives the number of
    queues over which a service's messages are spread. A service that is not named has one queue.
    With a smaller number than last time the messages of the surplus partitions are moved. Raises
    PartitionInUse, having changed nothing, while those have consumers.
    """
    counts = {service.name: (partitions or {}).get(service.name, 1) for service in services}
    surplus = {
        service.name: _surplus(connection, service, counts[service.name]) for service in services
    }
    declare_exchanges(connection)
    for service in services:
        declare_service(connection, service, counts[service.name])
        channel = connection.channel()
        _retire(channel, service, counts[service.name], surplus[service.name])
        channel.close()


def declare_exchanges(connection: amqp.Connection) -> None:
    """Declare the exchanges that all services share."""
    channel = connection.channel()
    channel.exchange_declare(EXCHANGE, "topic", durable=True, auto_delete=False)
    channel.exchange_declare(DEAD_EXCHANGE, "direct", durable=True, auto_delete=False)
    channel.exchange_declare(QUEUES, "topic", durable=True, auto_delete=False)
    channel.close()


def declare_service(connection: amqp.Connection, service: Service, partitions: int) -> None:
    """Declare the queues and bindings of one service, between exchanges that exist."""
    channel = connection.channel()
    _declare_unlimited(connection, service.dead_queue)
    _declare_queue(channel, service.queue, _consumed(service))
    _declare_unlimited(connection, service.task_queue)
    if partitions > 1:
        _declare_partitions(channel, service, partitions)
    bind(channel, service, partitions)
    if partitions > 1:
        # The new bindings are made before the old ones are cut: a message that comes between is
        # delivered twice, which the inbox recognises, and is never lost.
        for key in _keys(service):
            channel.queue_unbind(service.queue, EXCHANGE, key)
    channel.close()


def bind(channel: amqp.Channel, service: Service, partitions: int, *, nowait: bool = False) -> None:
    """Bind the types that the service consumes to its queue, or to its partitions.

    `nowait` sends it all without waiting for answers, as a paused broker gives none.
    """
    channel.queue_bind(service.dead_queue, DEAD_EXCHANGE, service.queue, nowait=nowait)
    for queue in (service.queue, service.task_queue):
        bind_addressed(channel, queue, nowait=nowait)
    for queue in partition_queues(service, partitions):
        channel.queue_bind(queue, _spread(service), "1", nowait=nowait)
    for key in _keys(service):
        if partitions == 1:
            channel.queue_bind(service.queue, EXCHANGE, key, nowait=nowait)
        else:
            channel.exchange_bind(_spread(service), EXCHANGE, key, nowait=nowait)


def bind_addressed(channel: amqp.Channel, queue: str, *, nowait: bool = False) -> None:
    """Bind a queue to what is addressed to it alone."""
    channel.queue_bind(queue, QUEUES, f"#.to.{queue}", nowait=nowait)


def addressed(message_type: str, queue: str) -> str:
    """Return the routing key on QUEUES of a message of this type to this queue.

    A type that is too long is cut: only permissions and people read it.
    """
    ending = f".to.{queue}"
    beginning = message_type.encode()[: LONGEST_KEY - len(ending.encode())]
    return beginning.decode(errors="ignore") + ending


def partition_queues(service: Service, partitions: int) -> list[str]:
    """Return the queues over which the messages of a service are spread, or none for one queue."""
    return [_partition(service, number) for number in range(partitions if partitions > 1 else 0)]


def queues(service: Service, partitions: int) -> list[str]:
    """Return every queue of a service.

    Its own one exists with partitions too, for replayed dead letters.
    """
    own = [service.queue, *partition_queues(service, partitions)]
    return [*own, service.dead_queue, service.task_queue]


def _partition(service: Service, number: int) -> str:
    return f"{service.queue}.{number}"


def _spread(service: Service) -> str:
    return f"{service.queue}.partitions"


def _keys(service: Service) -> list[str]:
    return ["#"] if service.journals else sorted(service.consumes())


def _declare_partitions(channel: amqp.Channel, service: Service, partitions: int) -> None:
    """Spread a service's messages over queues by the hash of the id they are about.

    All messages about one id land in one queue, and a single active consumer reads it: more
    replicas keep the order of each aggregate.
    Source: rabbitmq_consistent_hash_exchange.
    """
    channel.exchange_declare(
        _spread(service),
        "x-consistent-hash",
        durable=True,
        auto_delete=False,
        arguments={"hash-header": PARTITION_KEY},
    )
    for queue in partition_queues(service, partitions):
        _declare_queue(channel, queue, {**_consumed(service), "x-single-active-consumer": True})


def _surplus(connection: amqp.Connection, service: Service, partitions: int) -> list[str]:
    """Return the partitions beyond the present number, all without consumers.

    Raises PartitionInUse when one of them has a consumer.
    """
    found: list[str] = []
    number = len(partition_queues(service, partitions))
    while True:
        queue = _partition(service, number + len(found))
        channel = connection.channel()
        try:
            declared: Any = channel.queue_declare(queue, passive=True)
        except amqp.NotFound:  # which closes the channel
            return found
        channel.close()
        if declared.consumer_count:
            raise PartitionInUse(
                f"The queue {queue} is to go and still has consumers: stop the workers of "
                f"{service.name}, then prepare again."
            )
        found.append(queue)


def _retire(
    channel: amqp.Channel, service: Service, partitions: int, surplus: Sequence[str]
) -> None:
    """Cut surplus partitions off, move their messages to the service's own queue, delete them.

    From the last one down, so that after a crash the next attempt finds the rest.
    """
    if not surplus:
        return
    if partitions == 1:
        channel.exchange_delete(_spread(service))
    else:
        for queue in surplus:
            channel.queue_unbind(queue, _spread(service), "1")
    for queue in reversed(surplus):
        _move(channel, queue, service.queue)
        channel.queue_delete(queue)


def _move(channel: amqp.Channel, queue: str, destination: str) -> None:
    """Move every message of a queue that has no publisher and no consumer any more.

    A marker is put behind them: counts may be out of date after a restart, and a queue with a
    single active consumer refuses single fetches (basic.get).
    """
    marker = amqp.Message("", message_id=str(uuid4()), type=MARKER, delivery_mode=2)
    channel.basic_publish_confirm(marker, routing_key=queue)
    arrived: deque[amqp.Message] = deque()
    channel.auto_decode = False  # the bytes as they came, whatever encoding is claimed
    channel.basic_qos(0, MOVED_AT_ONCE, False)
    subscription = channel.basic_consume(queue, callback=arrived.append)
    found = None
    while found != marker.properties["message_id"]:
        while not arrived:
            channel.connection.drain_events(timeout=MOVE_PATIENCE)
        message = arrived.popleft()
        if message.properties.get("type") == MARKER:  # this one, or that of a broken attempt
            found = message.properties["message_id"]
        else:
            channel.basic_publish_confirm(_copy(message), routing_key=destination)
        assert message.delivery_tag is not None, "a delivered message carries its tag"
        channel.basic_ack(message.delivery_tag)
    channel.basic_cancel(subscription)


def _copy(message: amqp.Message) -> amqp.Message:
    """Return the same message to be published, without headers that cannot be written again."""
    copy = amqp.Message(message.body, **message.properties)
    try:
        getattr(copy, "_serialize_properties")()  # noqa: B009 - missing in the type stubs
    except Exception:  # noqa: BLE001  # properties that could be read need not be writable
        return amqp.Message(message.body, delivery_mode=2)
    return copy


def _declare_unlimited(connection: amqp.Connection, name: str) -> None:
    """Declare a queue that delivers a message as often as it comes back.

    Since 4.0 a quorum queue that names no limit drops what has come back twenty times, if it has no
    dead-letter exchange; 3.x has no such default, and no value for no limit. A queue that an
    earlier revision has declared keeps its arguments, which cannot be changed.
    Source: https://www.rabbitmq.com/docs/quorum-queues#poison-message-handling
    """
    server: dict[str, Any] = getattr(connection, "server_properties")  # noqa: B009  # not in the stubs
    has_default = not str(server["version"]).startswith("3.")
    channel = connection.channel()
    try:
        _declare_queue(channel, name, {"x-delivery-limit": -1} if has_default else {})
    except amqp.PreconditionFailed as error:
        if "x-delivery-limit" not in str(error):
            raise
        logger.warning("%s drops what has come back twenty times: delete it once, empty", name)
    else:
        channel.close()


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
