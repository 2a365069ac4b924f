"""The number of messages that wait in each queue, and of consumers that take them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import amqp

from cluster.health.probes.broker import QueueDepth, QueueReader, connect_patiently
from cluster.messaging.service import Service
from cluster.messaging.topology import queues
from cluster.secrets.addresses import broker_url_with
from cluster.secrets.broker_accounts import secret_of
from cluster.secrets.vault import VaultClient
from compose.replicas import replicas
from config.environment import acting_identity


@contextmanager
def broker_connection() -> Iterator[amqp.Connection]:
    """Open an AMQP connection as the auditor, who may look at queues and do nothing else."""
    connection = connect_patiently(broker_url_with(_as_auditor))
    try:
        yield connection
    finally:
        # A regular close waits for an answer, which a paused broker does not give.
        connection.collect()


def queue_depths(connection: amqp.Connection, services: Sequence[Service]) -> list[QueueDepth]:
    """Return every queue of these services that exists."""
    reader, workers = QueueReader(connection), replicas()
    names = [name for service in services for name in queues(service, workers[service.name])]
    found = [depth for depth in map(reader.depth, names) if depth is not None]
    reader.close()
    return found


def _as_auditor() -> dict[str, str]:
    account = acting_identity("auditor")
    return VaultClient.for_identity(account).read_kv(secret_of(account))
