"""RabbitMQ: passive declares, which return depth and consumers, on a connection kept open."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import amqp

from cluster.health.probes.probe import Answer, NothingLearnt, ProbeFailed, TimedOut
from cluster.messaging.service import Service
from cluster.messaging.topology import connect, partition_queues
from cluster.secrets.addresses import broker_url_with
from cluster.secrets.secret_reader import read_secret
from cluster.secrets.vault import SecretsError
from compose.replicas import replicas

# Longer than a question may take: it counts as failed before this ends it.
SOCKET_PATIENCE: Final = 4.0  # seconds
LOGIN_PATIENCE: Final = 0.5  # seconds for Vault to give the password
OTHERS_EVERY: Final = 5.0  # seconds


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
        self._channel: amqp.Channel | None = None

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
        self._connection = self._channel = None

    def _connected(self) -> None:
        if self._connection is None:
            connection = connect(self._login(), heartbeat=0, timeout=SOCKET_PATIENCE)
            assert connection.sock is not None, "a connection that was opened has a socket"
            connection.sock.settimeout(SOCKET_PATIENCE)
            self._connection = connection
            self._channel = connection.channel()

    def _login(self) -> str:
        if self._address is None:
            try:
                self._address = broker_url_with(
                    lambda: read_secret("broker", patience=LOGIN_PATIENCE)
                )
            except SecretsError as error:
                raise NothingLearnt("Vault gives no password") from error
        return self._address

    def _check_others(self) -> None:
        """Read the queues of dead letters and tasks, which are few and read less often."""
        if time.monotonic() - self._others_at >= OTHERS_EVERY:
            self._ready_in_others = {
                name: self._look(queues).ready for name, queues in self._others.items()
            }
            self._others_at = time.monotonic()

    def _look(self, queues: Sequence[str]) -> Waiting:
        assert self._connection is not None, "asked after connecting"
        depth = consumers = 0
        unconsumed: list[str] = []
        missing: list[str] = []
        ready: dict[str, int] = {}
        for queue in queues:
            assert self._channel is not None, "asked after connecting"
            try:
                declared: Any = self._channel.queue_declare(queue, passive=True)
            except amqp.NotFound:
                missing.append(queue)
                self._channel = self._connection.channel()  # the broker closes the one that asked
                continue
            ready[queue] = declared.message_count
            depth += declared.message_count
            consumers += declared.consumer_count
            if not declared.consumer_count:
                unconsumed.append(queue)
        return Waiting(depth, consumers, tuple(unconsumed), tuple(missing), ready)


def in_words(error: Exception) -> str:
    """Return the reason why there was no answer."""
    if isinstance(error, ConnectionRefusedError):
        return "it refuses connections"
    if isinstance(error, TimeoutError):
        return "it does not answer"
    if isinstance(error, OSError):
        return "it cut the connection"
    return " ".join(str(error).split())[:120] or type(error).__name__
