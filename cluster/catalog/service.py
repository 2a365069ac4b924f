"""The catalog service: its table of handlers and its scheduled work."""

from __future__ import annotations

from typing import Final

from cluster.catalog import amendments, handlers, schedule
from cluster.catalog.contract import AmendProduct, ListProduct, ReleaseStock, ReserveStock
from cluster.checkout.contract import CheckoutCompensated, CheckoutCompleted
from cluster.identity.contract import ErasureCompleted, ErasureRefused, ErasureRequested
from cluster.messaging.history import History
from cluster.messaging.service import Service
from cluster.messaging.work import Scheduled, ignore
from cluster.payments.contract import RefundFailed, RefundSettled

HISTORY: Final = History(
    tables={"reservation": "id", "sale": "id", "stock_return": "id"},
    moving="""
        SELECT id::text FROM reservation
         WHERE id < %(first_kept)s::uuid AND (state = 'reserved' OR updated_at >= %(before)s)""",
    kept=("product",),
)

SERVICE: Final = Service(
    name="catalog",
    code="CAT",
    handlers={
        ListProduct: handlers.list_product,
        AmendProduct: amendments.amend_product,
        ReserveStock: handlers.reserve_stock,
        ReleaseStock: handlers.release_stock,
        CheckoutCompleted: handlers.sell,
        CheckoutCompensated: ignore,
        RefundSettled: handlers.take_back,
        RefundFailed: ignore,
        ErasureRequested: handlers.erase_visitors,
        ErasureRefused: ignore,
        ErasureCompleted: ignore,
    },
    schedule=(
        Scheduled("catalog.restock", every=2.0, run=schedule.restock),
        Scheduled("catalog.expire_reservations", every=5.0, run=schedule.expire_reservations),
    ),
    history=HISTORY,
)
