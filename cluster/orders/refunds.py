"""The refund saga, choreographed: no coordinator, each service reacts to the events it consumes.

    orders    refund_requested   (here)
    payments  refund_settled     on refund_requested; refund_failed when refused
    catalog   stock_returned     on refund_settled
    identity  limit_restored     on refund_settled
    orders    refund_completed   (here) when money, stock and limit are all back

The money moves first, so that a refusal finds nothing that would have to be redone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from cluster.catalog.contract import StockReturned
from cluster.identity.contract import LimitRestored
from cluster.messaging.envelope import Message, is_older
from cluster.messaging.work import PermanentError, UnitOfWork
from cluster.orders.contract import (
    RefundAbandoned,
    RefundCompleted,
    RefundRefused,
    RefundRequested,
    RequestRefund,
)
from cluster.orders.domain.lifecycle import OrderState, Refund, RefundState, why_not_refundable
from cluster.orders.repository import lock_orders, lock_refunds, save_orders, save_refunds
from cluster.payments.contract import RefundFailed, RefundSettled
from config.retention import refundable


def request_refund(work: UnitOfWork, messages: Sequence[Message[RequestRefund]], /) -> None:
    """Open the saga for a fulfilled order, and refuse it for any other.

    A known refund stays as it is.
    """
    known = lock_refunds(work, [message.subject_id for message in messages])
    orders = lock_orders(work, [message.payload.order for message in messages])
    refunds = {}
    for message in messages:
        if message.subject_id in known:
            continue
        order_id = message.payload.order
        reason = _too_old(work, order_id) or why_not_refundable(orders.get(order_id))
        if reason is not None:
            refunds[message.subject_id] = Refund(order_id, RefundState.REFUSED, 1)
            work.reply(message, RefundRefused(order=order_id, reason=reason))
            continue
        order = orders[order_id]
        orders[order_id] = replace(order, state=OrderState.REFUNDING)
        refunds[message.subject_id] = Refund(order_id, RefundState.REQUESTED, 1)
        requested = RefundRequested(
            order=order_id,
            visitor=order.visitor,
            sku=order.sku,
            quantity=order.quantity,
            amount=order.amount,
        )
        work.reply(message, requested)
    save_refunds(work, refunds)
    save_orders(work, orders)


def _too_old(work: UnitOfWork, order: UUID) -> str | None:
    """Return the reason against the refund of an order near or beyond the horizon, or None.

    A refund that begins now must end before any service closes its part of the order.
    """
    if not is_older(order, refundable(), work.now):
        return None
    return f"it is older than {refundable().days} days, and its history is closed soon or already"


def money_came_back(work: UnitOfWork, messages: Sequence[Message[RefundSettled]], /) -> None:
    _note(work, messages, lambda refund: replace(refund, money_back=True))


def stock_came_back(work: UnitOfWork, messages: Sequence[Message[StockReturned]], /) -> None:
    _note(work, messages, lambda refund: replace(refund, stock_back=True))


def limit_came_back(work: UnitOfWork, messages: Sequence[Message[LimitRestored]], /) -> None:
    _note(work, messages, lambda refund: replace(refund, limit_back=True))


def _note(
    work: UnitOfWork, messages: Sequence[Message[Any]], note: Callable[[Refund], Refund]
) -> None:
    """Record what came back, and complete the refunds, with their orders, that have everything."""
    known = lock_refunds(work, [message.subject_id for message in messages])
    finished = {}
    for message in messages:
        refund = known.get(message.subject_id)
        if refund is None or refund.state is not RefundState.REQUESTED:
            raise PermanentError(f"no refund {message.subject_id} is under way")
        refund = note(refund)
        if refund.all_back:
            refund = refund.completed()
            finished[refund.order] = message
            work.reply(message, RefundCompleted(order=refund.order))
        known[message.subject_id] = refund
    save_refunds(work, known)
    orders = lock_orders(work, list(finished))
    save_orders(
        work, {id_: replace(order, state=OrderState.REFUNDED) for id_, order in orders.items()}
    )


def refund_failed(work: UnitOfWork, messages: Sequence[Message[RefundFailed]], /) -> None:
    """Abandon the refunds that the provider refused, and leave their orders as they were."""
    known = lock_refunds(work, [message.subject_id for message in messages])
    orders = lock_orders(work, [message.payload.order for message in messages])
    for message in messages:
        known[message.subject_id] = known[message.subject_id].abandoned()
        order = orders[message.payload.order]
        orders[message.payload.order] = replace(order, state=OrderState.FULFILLED)
        abandoned = RefundAbandoned(order=message.payload.order, reason=message.payload.reason)
        work.reply(message, abandoned)
    save_refunds(work, known)
    save_orders(work, orders)
