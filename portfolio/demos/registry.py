"""Every demo there is, in the order in which the lab lists them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from portfolio.demos import (
    checkout,
    erasure,
    idempotency,
    ledger,
    outbox,
    refund,
    reservation_expiry,
    token_revocation,
    webhooks,
)
from portfolio.demos.demo import Demo

_ALL: Final = (
    checkout.DEMO,
    outbox.DEMO,
    erasure.DEMO,
    token_revocation.DEMO,
    reservation_expiry.DEMO,
    idempotency.DEMO,
    refund.DEMO,
    ledger.DEMO,
    webhooks.DEMO,
)

DEMOS: Final[Mapping[str, Demo]] = {demo.slug: demo for demo in _ALL}
if len(DEMOS) != len(_ALL):
    raise ValueError("two demos have the same slug")
