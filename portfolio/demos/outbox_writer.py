"""Writes and announces what the demo `outbox` asks for, and is killed on the way.

python -m portfolio.demos.outbox_writer, with an `Asked` as JSON on its input. The outbox's flow
is the acceptance of checkouts as the web does it; the two others are dual writes of a row that
nobody but the demo looks at.
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
from cluster.secrets.broker import broker_url_with_credentials
from cluster.secrets.postgres import database
from cluster.storefront.checkout_intake import CheckoutOrder, accept_checkouts
from cluster.storefront.transactions import run_in_transaction
from portfolio.demos.killed_process import await_the_end, end_in_time, say

MODULE: Final = "portfolio.demos.outbox_writer"
COMMITTED: Final = "committed"
PUBLISHED: Final = "published"

STORE: Final = "INSERT INTO demo_scratch (id, run, value, at) VALUES (%s, %s, 0, %s)"


class Flow(enum.StrEnum):
    """In which order a process writes and announces."""

    OUTBOX = "outbox"
    STORE_THEN_PUBLISH = "store-then-publish"
    PUBLISH_THEN_STORE = "publish-then-store"


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What to write: checkouts of `visitor`, or one row of `run` announced to `queue`."""

    flow: Flow
    run: UUID
    visitor: str = ""
    checkouts: tuple[UUID, ...] = ()
    sku: str = ""
    row: UUID | None = None
    queue: str = ""


def outbox(asked: Asked) -> None:
    """Rows and messages in one transaction: nothing is left to do after it."""
    orders = [
        CheckoutOrder(id=identifier, visitor=asked.visitor, sku=asked.sku)
        for identifier in asked.checkouts
    ]

    def accept(work: UnitOfWork) -> None:
        accept_checkouts(work, requests=orders)

    run_in_transaction(accept)
    say(COMMITTED)


def store_then_publish(asked: Asked) -> None:
    """The dual write that most would write: the message is sent when the row is safe."""
    _store(asked)
    say(COMMITTED)
    _publish(asked)


def publish_then_store(asked: Asked) -> None:
    """The other way round: nobody may miss the message."""
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
    """Returns when the broker has confirmed: the dual write is given no weaker broker."""
    publisher = Publisher(broker_url_with_credentials())
    body = msgspec.json.encode({"row": asked.row})
    subject = f"scratch/{asked.row}"
    publisher.publish([OutboxRow(1, str(asked.row), asked.queue, "demo", subject, body)])
    publisher.close()


def main() -> None:
    """Do what is asked on the input, then wait to be killed."""
    end_in_time()
    asked = msgspec.json.decode(sys.stdin.buffer.read(), type=Asked)
    FLOWS[asked.flow](asked)
    await_the_end()


if __name__ == "__main__":
    main()
