"""The orders service: its table of handlers."""

from __future__ import annotations

from typing import Final

from cluster.catalog.contract import StockReturned
from cluster.checkout.contract import CheckoutCompensated, CheckoutCompleted
from cluster.identity.contract import (
    ErasureCompleted,
    ErasureRefused,
    ErasureRequested,
    LimitRestored,
)
from cluster.messaging.history import History
from cluster.messaging.service import Service
from cluster.messaging.work import ignore
from cluster.orders import handlers, refunds
from cluster.orders.contract import CancelOrder, ConfirmOrder, RequestRefund
from cluster.payments.contract import RefundFailed, RefundSettled

# An order closes with its refunds, the last of which decides when.
HISTORY: Final = History(
    tables={"orders": "id", "refund": "id"},
    moving="""
        SELECT id::text FROM orders
         WHERE id < %(first_kept)s::uuid
           AND (state IN ('confirmed', 'refunding') OR updated_at >= %(before)s)
        UNION ALL
        SELECT order_id::text FROM refund
         WHERE order_id < %(first_kept)s::uuid
           AND (state = 'requested' OR updated_at >= %(before)s OR id >= %(first_kept)s::uuid)
        UNION ALL
        SELECT r.id::text FROM refund r JOIN orders o ON o.id = r.order_id
         WHERE r.id < %(first_kept)s::uuid""",
    together="SELECT id FROM refund WHERE order_id IN (SELECT id FROM alone)",
)

SERVICE: Final = Service(
    name="orders",
    code="ORD",
    handlers={
        ConfirmOrder: handlers.confirm_order,
        CancelOrder: handlers.cancel_order,
        CheckoutCompleted: handlers.fulfil_order,
        CheckoutCompensated: ignore,
        RequestRefund: refunds.request_refund,
        RefundSettled: refunds.money_came_back,
        RefundFailed: refunds.refund_failed,
        StockReturned: refunds.stock_came_back,
        LimitRestored: refunds.limit_came_back,
        ErasureRequested: handlers.erase_visitors,
        ErasureRefused: ignore,
        ErasureCompleted: ignore,
    },
    history=HISTORY,
)
