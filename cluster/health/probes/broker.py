"""RabbitMQ: passive declares, which return depth and consumers, on a connection kept open."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import amqp

from cluster.health.probes.probe import (
    Answer,
    ProbeFailed,
    TimedOut,
    address_with_password,
    in_words,
)
from cluster.messaging.service import Service
from cluster.messaging.topology import connect, partition_queues
from cluster.secrets.addresses import broker_url_with
from cluster.secrets.broker_accounts import secret_of
from compose.replicas import replicas

# Longer than a question may take: it counts as failed before this ends it.
SOCKET_PATIENCE: Final = 4.0  # seconds
OTHERS_EVERY: Final = 5.0  # seconds


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """One queue, where `ready` leaves out messages delivered and not acknowledged."""

    name: str
    ready: int
    consumers: int


class QueueReader:
    """Asks about queues on a channel of its own."""

    def __init__(self, connection: amqp.Connection) -> None:
        self._connection = connection
        self._channel = connection.channel()

    def depth(self, name: str) -> QueueDepth | None:
        """Return the depth of a queue, or None when it does not exist."""
        try:
            declared: Any = self._channel.queue_declare(name, passive=True)
        except amqp.NotFound:
            self._channel = self._connection.channel()  # the broker closes the one that asked
            return None
        return QueueDepth(name, declared.message_count, declared.consumer_count)

    def close(self) -> None:
        self._channel.close()


def address_of_broker() -> str:
    """Return its address as the observer uses it, or raise NothingLearnt while Vault is away."""
    return address_with_password(broker_url_with, secret_of("observer"))


def connect_patiently(address: str) -> amqp.Connection:
    """Return a connection on which no answer is awaited for longer than SOCKET_PATIENCE."""
    connection = connect(address, heartbeat=0, timeout=SOCKET_PATIENCE)
    assert connection.sock is not None, "a connection that was opened has a socket"
    connection.sock.settimeout(SOCKET_PATIENCE)
    return connection


@dataclass(frozen=True, slots=True)
class Waiting:
    """The messages that wait for one service, over all its partitions, and their consumers."""

    depth: int
    consumers: int
    unconsumed: tuple[str, ...]  # queues without a consumer
    missing: tuple[str, ...]  # queues that do not exist
    ready: Mapping[str, int] = field(default_factory=dict)  # by queue, dead letters and tasks too


class BrokerProbe:
    """Asks the broker about the queues of these services."""

    target = "rabbitmq"

    def __init__(self, services: Sequence[Service]) -> None:
        workers = replicas()
        self._queues = {
            service.name: [service.queue, *partition_queues(service, workers[service.name])]
            for service in services
        }
        self._others = {
            service.name: [service.dead_queue, service.task_queue] for service in services
        }
        self._ready_in_others: dict[str, Mapping[str, int]] = {}
        self._others_at = 0.0  # monotonic seconds
        self._address: str | None = None
        self._connection: amqp.Connection | None = None
        self._reader: QueueReader | None = None

    def ask(self) -> Answer:
        """Return an answer whose detail is a Waiting for each service, by its name."""
        try:
            self._connected()
            started = time.perf_counter()
            found = {name: self._look(queues) for name, queues in self._queues.items()}
            milliseconds = 1000 * (time.perf_counter() - started) / len(found)
            self._check_others()
        except (amqp.NotAllowed, amqp.AccessRefused) as error:
            self.close()
            self._address = None  # the password may have changed
            raise ProbeFailed("it refuses the login") from error
        except TimeoutError as error:
            self.close()
            raise TimedOut(in_words(error)) from error
        except (OSError, amqp.AMQPError) as error:
            self.close()
            raise ProbeFailed(in_words(error)) from error
        detail = {
            name: replace(one, ready={**one.ready, **self._ready_in_others[name]})
            for name, one in found.items()
        }
        return Answer(milliseconds, detail)

    def close(self) -> None:
        if self._connection is not None:
            # A regular close waits for an answer, which a paused broker does not give.
            self._connection.collect()
        self._connection = self._reader = None

    def _connected(self) -> None:
        if self._connection is None:
            if self._address is None:
                self._address = address_of_broker()
            self._connection = connect_patiently(self._address)
            self._reader = QueueReader(self._connection)

    def _check_others(self) -> None:
        """Read the queues of dead letters and tasks, which are few and read less often."""
        if time.monotonic() - self._others_at >= OTHERS_EVERY:
            self._ready_in_others = {
                name: self._look(queues).ready for name, queues in self._others.items()
            }
            self._others_at = time.monotonic()

    def _look(self, queues: Sequence[str]) -> Waiting:
        assert self._reader is not None, "asked after connecting"
        looked = {name: self._reader.depth(name) for name in queues}
        found = [depth for depth in looked.values() if depth is not None]
        return Waiting(
            depth=sum(queue.ready for queue in found),
            consumers=sum(queue.consumers for queue in found),
            unconsumed=tuple(queue.name for queue in found if not queue.consumers),
            missing=tuple(name for name, depth in looked.items() if depth is None),
            ready={queue.name: queue.ready for queue in found},
        )
