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
from cluster.messaging.service import Service
from cluster.messaging.work import ignore
from cluster.orders import handlers, refunds
from cluster.orders.contract import CancelOrder, ConfirmOrder, RequestRefund
from cluster.payments.contract import RefundFailed, RefundSettled

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
)
