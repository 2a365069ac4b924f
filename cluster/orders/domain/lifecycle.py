"""The lifecycle of an order, and of the refund saga of orders, without any I/O."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from uuid import UUID


class OrderState(enum.StrEnum):
    """The state of an order."""

    CONFIRMED = "confirmed"  # its checkout is still in flight
    CANCELLED = "cancelled"  # its checkout was compensated
    FULFILLED = "fulfilled"  # its checkout completed
    REFUNDING = "refunding"  # a refund saga is in flight
    REFUNDED = "refunded"


@dataclass(frozen=True, slots=True)
class Order:
    """The purchase of one checkout (same id), in which `version` counts its announcements."""

    visitor: str
    sku: str
    quantity: int
    amount: int
    state: OrderState
    version: int


class RefundState(enum.StrEnum):
    """The state of a refund saga."""

    REQUESTED = "requested"
    REFUSED = "refused"
    COMPLETED = "completed"
    ABANDONED = "abandoned"


@dataclass(frozen=True, slots=True)
class Refund:
    """A refund saga as orders sees it: money, stock and limit have to come back, in any order."""

    order: UUID
    state: RefundState
    version: int
    money_back: bool = False
    stock_back: bool = False
    limit_back: bool = False

    @property
    def all_back(self) -> bool:
        return self.money_back and self.stock_back and self.limit_back

    def completed(self) -> Refund:
        return replace(self, state=RefundState.COMPLETED, version=self.version + 1)

    def abandoned(self) -> Refund:
        return replace(self, state=RefundState.ABANDONED, version=self.version + 1)


def why_not_refundable(order: Order | None) -> str | None:
    """Return the reason why this order cannot be refunded, or None when it can."""
    if order is None:
        return "there is no such order"
    if order.state is OrderState.FULFILLED:
        return None
    return {
        OrderState.CONFIRMED: "its checkout has not ended yet",
        OrderState.CANCELLED: "it was cancelled, and nothing was paid",
        OrderState.REFUNDING: "a refund of it is under way",
        OrderState.REFUNDED: "it was refunded already",
    }[order.state]
