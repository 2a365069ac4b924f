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
from cluster.messaging.service import Service
from cluster.messaging.work import Scheduled, ignore
from cluster.orders.contract import OrdersVisitorErased
from cluster.payments.contract import PaymentsVisitorErased, RefundFailed, RefundSettled

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
)
