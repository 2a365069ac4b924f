"""Checkouts as the journal records them: time in milliseconds, rail, type."""

from __future__ import annotations

from itertools import count

from cluster.kit.graph.model import GraphEvent
from cluster.storefront.events import telling

GOOD = (
    (0, "WEB", "checkout.start_checkout.v1"),
    (5, "CHK", "identity.hold_limit.v1"),
    (15, "IDN", "identity.limit_held.v1"),
    (20, "CHK", "catalog.reserve_stock.v1"),
    (30, "CAT", "catalog.stock_reserved.v1"),
    (35, "CHK", "payments.authorise_payment.v1"),
    (800, "PAY", "payments.payment_authorised.v1"),
    (805, "CHK", "orders.confirm_order.v1"),
    (815, "ORD", "orders.order_confirmed.v1"),
    (820, "CHK", "payments.capture_payment.v1"),
    (850, "PAY", "payments.payment_captured.v1"),
    (855, "CHK", "checkout.checkout_completed.v1"),
    (860, "IDN", "identity.limit_spent.v1"),
    (862, "CAT", "catalog.stock_sold.v1"),
)
UNDOING = (
    (900, "CHK", "checkout.checkout_turned.v1"),
    (900, "CHK", "catalog.release_stock.v1"),
    (910, "CAT", "catalog.stock_released.v1"),
    (915, "CHK", "identity.release_hold.v1"),
    (925, "IDN", "identity.hold_released.v1"),
    (930, "CHK", "checkout.checkout_compensated.v1"),
)
DECLINED = (*GOOD[:6], (800, "PAY", "payments.payment_declined.v1"), *UNDOING)


def events(*steps: tuple[int, str, str], saga: str = "a") -> list[GraphEvent]:
    numbers = count(1)
    return [
        GraphEvent(
            seq=next(numbers),
            at=at,
            code=code,
            type=type_,
            mark=told.mark,
            verb=told.verb,
            saga=saga,
            headcode="2C08",
        )
        for at, code, type_ in ((at + 1000, code, type_) for at, code, type_ in steps)
        for told in [telling(type_)]
        if told is not None
    ]
