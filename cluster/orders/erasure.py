"""Orders' part in the erasure of a visitor: the orders stay, under the pseudonym."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from cluster.identity.contract import ErasureRequested
from cluster.messaging.envelope import Message
from cluster.messaging.work import UnitOfWork
from cluster.orders.contract import OrdersVisitorErased

# Locked in the order of their ids, like everywhere. An order has the id of its checkout.
RENAME: Final = """
    WITH named AS (
        SELECT id FROM orders WHERE id = ANY(%(checkouts)s) AND visitor <> %(pseudonym)s
         ORDER BY id FOR UPDATE
    )
    UPDATE orders SET visitor = %(pseudonym)s FROM named WHERE orders.id = named.id
"""
STANDING: Final = """
    SELECT count(*), count(*) FILTER (WHERE state = 'refunding') FROM orders
     WHERE id = ANY(%(checkouts)s)
"""


def erase_visitors(work: UnitOfWork, messages: Sequence[Message[ErasureRequested]], /) -> None:
    """Write the pseudonym in the visitor's orders, and answer unless one is being refunded.

    The messages of a refund in flight still name the visitor: other services may store it again.
    """
    for message in messages:
        asked = message.payload
        names = {"checkouts": list(asked.checkouts), "pseudonym": asked.pseudonym}
        work.cursor.execute(RENAME, names)
        rows, refunding = work.cursor.execute(STANDING, names).fetchone() or (0, 0)
        if not refunding:
            work.reply(message, OrdersVisitorErased(attempt=asked.attempt, rows=rows))
