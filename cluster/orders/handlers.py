"""The handlers of orders in a checkout, confirm, cancel and fulfil, and in an erasure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from cluster.checkout.contract import CheckoutCompleted
from cluster.identity.contract import ErasureRequested
from cluster.messaging.envelope import Message
from cluster.messaging.work import PermanentError, UnitOfWork
from cluster.orders.contract import (
    CancelOrder,
    ConfirmOrder,
    OrderCancelled,
    OrderConfirmed,
    OrderRefused,
    OrdersVisitorErased,
)
from cluster.orders.domain.lifecycle import Order, OrderState
from cluster.orders.repository import lock_orders, save_orders

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


def confirm_order(work: UnitOfWork, messages: Sequence[Message[ConfirmOrder]], /) -> None:
    """Record the order, unless it was cancelled before it came."""
    known = lock_orders(work, [message.subject_id for message in messages])
    orders = {}
    for message in messages:
        asked = message.payload
        before = known.get(message.subject_id)
        if before is None:
            orders[message.subject_id] = Order(
                asked.visitor, asked.sku, asked.quantity, asked.amount, OrderState.CONFIRMED, 1
            )
            work.reply(message, OrderConfirmed(amount=asked.amount))
        else:
            orders[message.subject_id] = replace(before, version=before.version + 1)
            reason = f"the order was {before.state} before it was asked for"
            work.reply(message, OrderRefused(reason=reason))
    save_orders(work, orders)


def cancel_order(work: UnitOfWork, messages: Sequence[Message[CancelOrder]], /) -> None:
    """Cancel the order of a checkout, as its compensation.

    An order that is cancelled already is left as it is.
    """
    known = lock_orders(work, [message.subject_id for message in messages])
    orders = {}
    for message in messages:
        before = known.get(message.subject_id)
        if before is None:
            # Never confirmed: record that it must not be confirmed any more.
            orders[message.subject_id] = Order("", "", 0, 0, OrderState.CANCELLED, 1)
        elif before.state is OrderState.CONFIRMED:
            orders[message.subject_id] = replace(
                before, state=OrderState.CANCELLED, version=before.version + 1
            )
        elif before.state is OrderState.CANCELLED:
            continue
        else:
            raise PermanentError(f"an order that is {before.state} cannot be cancelled")
        work.reply(message, OrderCancelled(reason=message.payload.reason))
    save_orders(work, orders)


def fulfil_order(work: UnitOfWork, messages: Sequence[Message[CheckoutCompleted]], /) -> None:
    """Make the orders of completed checkouts final, so that they may be refunded."""
    known = lock_orders(work, [message.subject_id for message in messages])
    for message in messages:
        order = known.get(message.subject_id)
        if order is None or order.state is not OrderState.CONFIRMED:
            raise PermanentError(f"checkout {message.subject_id} completed without an order")
        known[message.subject_id] = replace(order, state=OrderState.FULFILLED)
    save_orders(work, known)


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
