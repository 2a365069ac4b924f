"""The identity service: its table of handlers and its scheduled work."""

from __future__ import annotations

from typing import Final

from cluster.catalog.contract import CatalogVisitorErased
from cluster.checkout.contract import (
    CheckoutCompensated,
    CheckoutCompleted,
    CheckoutVisitorErased,
)
from cluster.identity import erasure, handlers, tokens
from cluster.identity.contract import (
    HoldLimit,
    IssueToken,
    RefreshToken,
    ReleaseHold,
    RequestErasure,
    RevokeToken,
)
from cluster.messaging.history import History
from cluster.messaging.service import Service
from cluster.messaging.work import Scheduled, ignore
from cluster.orders.contract import OrdersVisitorErased
from cluster.payments.contract import PaymentsVisitorErased, RefundFailed, RefundSettled

HISTORY: Final = History(
    tables={"hold": "id", "spend": "id", "limit_restoration": "id", "erasure": "id"},
    moving="""
        SELECT id::text FROM hold
         WHERE id < %(first_kept)s::uuid AND (state = 'held' OR updated_at >= %(before)s)
        UNION ALL
        SELECT id::text FROM erasure
         WHERE id < %(first_kept)s::uuid AND (state = 'requested' OR updated_at >= %(before)s)""",
)

SERVICE: Final = Service(
    name="identity",
    code="IDN",
    handlers={
        HoldLimit: handlers.hold_limit,
        ReleaseHold: handlers.release_hold,
        CheckoutCompleted: handlers.spend_hold,
        CheckoutCompensated: ignore,
        RefundSettled: handlers.restore_limit,
        RefundFailed: ignore,
        IssueToken: tokens.issue_token,
        RefreshToken: tokens.refresh_token,
        RevokeToken: tokens.revoke_token,
        RequestErasure: erasure.request_erasure,
        CatalogVisitorErased: erasure.collect_receipts,
        OrdersVisitorErased: erasure.collect_receipts,
        PaymentsVisitorErased: erasure.collect_receipts,
        CheckoutVisitorErased: erasure.collect_receipts,
    },
    schedule=(
        Scheduled("identity.ask_again", every=5.0, run=erasure.ask_again),
        Scheduled("identity.purge_tokens", every=60.0, run=tokens.purge_tokens),
    ),
    history=HISTORY,
)
