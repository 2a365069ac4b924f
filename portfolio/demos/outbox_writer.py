"""The process that writes and publishes for the demo `outbox`, and is killed on the way.

python -m portfolio.demos.outbox_writer, with an `Asked` as JSON on its input. The outbox's flow
accepts checkouts as the web does. The two others are dual writes of a row that only the demo
reads.
"""

from __future__ import annotations

import enum
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import msgspec

from cluster.messaging.publisher import OutboxRow, Publisher
from cluster.messaging.work import UnitOfWork
from cluster.secrets.addresses import broker_url_as
from cluster.secrets.postgres import database
from cluster.storefront.checkout_intake import CheckoutOrder, accept_checkouts
from cluster.storefront.transactions import run_in_transaction
from portfolio.demos.killed_process import await_the_end, end_in_time, say

MODULE: Final = __name__  # as the site imports it
COMMITTED: Final = "committed"
PUBLISHED: Final = "published"

STORE: Final = "INSERT INTO demo_scratch (id, run, value, at) VALUES (%s, %s, 0, %s)"


class Flow(enum.StrEnum):
    """The order in which a process writes and publishes."""

    OUTBOX = "outbox"
    STORE_THEN_PUBLISH = "store-then-publish"
    PUBLISH_THEN_STORE = "publish-then-store"


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The data to write: checkouts of `visitor`, or one row of `run`, published to `queue`."""

    flow: Flow
    run: UUID
    visitor: str = ""
    checkouts: tuple[UUID, ...] = ()
    sku: str = ""
    row: UUID | None = None
    queue: str = ""


def outbox(asked: Asked) -> None:
    """Write rows and messages in one transaction, after which nothing is left to do."""
    orders = [
        CheckoutOrder(id=identifier, visitor=asked.visitor, sku=asked.sku)
        for identifier in asked.checkouts
    ]

    def accept(work: UnitOfWork) -> None:
        accept_checkouts(work, requests=orders)

    run_in_transaction(accept)
    say(COMMITTED)


def store_then_publish(asked: Asked) -> None:
    """Commit the row, then publish its message, as most dual writes do."""
    _store(asked)
    say(COMMITTED)
    _publish(asked)


def publish_then_store(asked: Asked) -> None:
    """Publish the message, then commit its row, so that the message is never missing."""
    _publish(asked)
    say(PUBLISHED)
    _store(asked)


FLOWS: Final[Mapping[Flow, Callable[[Asked], None]]] = {
    Flow.OUTBOX: outbox,
    Flow.STORE_THEN_PUBLISH: store_then_publish,
    Flow.PUBLISH_THEN_STORE: publish_then_store,
}


def _store(asked: Asked) -> None:
    with database("site").connect() as connection:
        connection.execute(STORE, (asked.row, asked.run, datetime.now(UTC)))


def _publish(asked: Asked) -> None:
    """Publish the row's message, and return when the broker has confirmed it.

    Without the confirm the dual write would have a weaker broker than the outbox.
    """
    publisher = Publisher(broker_url_as("web"))
    body = msgspec.json.encode({"row": asked.row})
    subject = f"scratch/{asked.row}"
    publisher.publish([OutboxRow(1, str(asked.row), asked.queue, "demo", subject, body)])
    publisher.close()


def main() -> None:
    """Run the flow that the input names, then wait to be killed."""
    end_in_time()
    asked = msgspec.json.decode(sys.stdin.buffer.read(), type=Asked)
    FLOWS[asked.flow](asked)
    await_the_end()


if __name__ == "__main__":
    main()
