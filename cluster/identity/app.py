"""The identity service: which handler takes which message."""

from __future__ import annotations

from typing import Final

from cluster.checkout.contract import CheckoutCompensated, CheckoutCompleted
from cluster.identity import handlers
from cluster.identity.contract import HoldLimit, ReleaseHold
from cluster.messaging.service import Service
from cluster.messaging.work import ignore
from cluster.payments.contract import RefundFailed, RefundSettled

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
    },
)
