"""The contract of orders: the order of a checkout, and the refund saga it opens and closes."""

from __future__ import annotations

from uuid import UUID

from cluster.messaging.contract import Payload, command, event


@command("orders.confirm_order.v1", aggregate="order")
class ConfirmOrder(Payload, frozen=True):
    visitor: str
    sku: str
    quantity: int
    amount: int


@command("orders.cancel_order.v1", aggregate="order")
class CancelOrder(Payload, frozen=True):
    """Compensation of ConfirmOrder."""

    reason: str


@event("orders.order_confirmed.v1", aggregate="order")
class OrderConfirmed(Payload, frozen=True):
    amount: int


@event("orders.order_refused.v1", aggregate="order")
class OrderRefused(Payload, frozen=True):
    reason: str


@event("orders.order_cancelled.v1", aggregate="order")
class OrderCancelled(Payload, frozen=True):
    reason: str


@command("orders.request_refund.v1", aggregate="refund")
class RequestRefund(Payload, frozen=True):
    """Give the money of a fulfilled order back and its items into stock (the refund saga)."""

    order: UUID


@event("orders.refund_requested.v1", aggregate="refund")
class RefundRequested(Payload, frozen=True):
    """The refund saga begins. Its later steps are taken by consumers of its events."""

    order: UUID
    visitor: str
    sku: str
    quantity: int
    amount: int


@event("orders.refund_refused.v1", aggregate="refund")
class RefundRefused(Payload, frozen=True):
    order: UUID
    reason: str


@event("orders.refund_completed.v1", aggregate="refund")
class RefundCompleted(Payload, frozen=True):
    """Money, stock and limit are all back."""

    order: UUID


@event("orders.refund_abandoned.v1", aggregate="refund")
class RefundAbandoned(Payload, frozen=True):
    """The provider refused to pay back, and the order stands as it was."""

    order: UUID
    reason: str


@event("orders.visitor_erased.v1", aggregate="erasure")
class OrdersVisitorErased(Payload, frozen=True):
    """The visitor's orders, `rows` of them, carry the pseudonym."""

    attempt: int
    rows: int
