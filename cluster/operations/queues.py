"""The number of messages that wait in each queue, and of consumers that take them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import amqp

from cluster.messaging.service import Service
from cluster.messaging.topology import connect, queues
from cluster.secrets.addresses import broker_url_with
from cluster.secrets.vault import VaultClient
from compose.replicas import replicas
from config.environment import acting_identity

PATIENCE: Final = 4.0  # seconds for one answer; a paused broker never answers


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """One queue, where `ready` leaves out messages delivered and not acknowledged."""

    name: str
    ready: int
    consumers: int


@contextmanager
def broker_connection() -> Iterator[Any]:
    """Open an AMQP connection with the broker's password, read as the auditor."""
    connection = connect(broker_url_with(_as_auditor), heartbeat=0, timeout=PATIENCE)
    try:
        assert connection.sock is not None, "a connection that was opened has a socket"
        connection.sock.settimeout(PATIENCE)
        yield connection
    finally:
        # A regular close waits for an answer, which a paused broker does not give.
        connection.collect()


def queue_depths(connection: Any, services: Sequence[Service]) -> list[QueueDepth]:
    """Return every queue of these services that exists."""
    channel = connection.channel()
    found = []
    workers = replicas()
    for service in services:
        for name in queues(service, workers[service.name]):
            try:
                declared = channel.queue_declare(name, passive=True)
            except amqp.NotFound:
                channel = connection.channel()  # the broker closes the one that asked
            else:
                found.append(QueueDepth(name, declared.message_count, declared.consumer_count))
    channel.close()
    return found


def _as_auditor() -> dict[str, str]:
    return VaultClient.for_identity(acting_identity("auditor")).read_kv("broker")
