"""A service that stores orders and announces them, until `dual_write` kills it.

python -m chaos.benchmarks.dual_writer publish_after_commit|publish_before_commit|outbox QUEUE
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias
from uuid import UUID

import psycopg

from cluster.catalog.contract import StockReserved
from cluster.messaging.envelope import new_message_id
from cluster.messaging.outbox import flush
from cluster.messaging.publisher import OutboxRow, Publisher
from cluster.messaging.work import UnitOfWork
from cluster.secrets.addresses import operators_broker_url
from config.environment import database_url

Connection: TypeAlias = psycopg.Connection[Any]

LONGEST: Final = 60.0  # seconds: it ends soon after a bench that has died
STORE: Final = "INSERT INTO bench_order VALUES (%s, 'MUG')"
ADDRESS: Final = "UPDATE outbox SET destination = %s WHERE subject = %s"


class Writer:
    """One connection to the database and one confirming channel to the broker."""

    def __init__(self, queue: str) -> None:
        self.database = psycopg.connect(database_url("bench"), autocommit=True)
        self.publisher = Publisher(operators_broker_url())
        self.queue = queue

    def publish(self, order: UUID) -> None:
        """Publish an order's message, and return once the broker has confirmed it.

        The broker gives every flow the same guarantee.
        """
        body = json.dumps({"subject": f"reservation/{order}"}).encode()
        row = OutboxRow(1, str(new_message_id()), self.queue, "bench", f"reservation/{order}", body)
        self.publisher.publish([row])

    def publish_after_commit(self, order: UUID) -> None:
        with self.database.transaction():
            store(self.database, order)
        self.publish(order)

    def publish_before_commit(self, order: UUID) -> None:
        with self.database.transaction():
            store(self.database, order)
            self.publish(order)

    def outbox(self, order: UUID) -> None:
        with self.database.transaction():
            store_with_outbox(self.database, order)
            self.database.execute(ADDRESS, (self.queue, f"reservation/{order}"))


FLOWS: Final[Mapping[str, Callable[[Writer, UUID], None]]] = {
    "publish_after_commit": Writer.publish_after_commit,
    "publish_before_commit": Writer.publish_before_commit,
    "outbox": Writer.outbox,
}


def store(database: Connection, order: UUID) -> None:
    database.execute(STORE, (order,))


def store_with_outbox(database: Connection, order: UUID) -> None:
    """Store an order and its message, by the same code as every service's."""
    store(database, order)
    work = UnitOfWork(database, source="catalog")
    work.send(StockReserved(sku="MUG", quantity=1), subject_id=order, correlation=order)
    flush(work)


def main(flow: str, queue: str) -> None:
    writer = Writer(queue)
    end = time.monotonic() + LONGEST
    announce = FLOWS[flow]
    print("writing", flush=True)
    while time.monotonic() < end:
        announce(writer, new_message_id())


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
