"""Every demo there is, in the order in which the lab lists them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from portfolio.demos.demo import TEXTS, Demo
from portfolio.demos.scenarios import (
    cache_invalidation,
    cache_stampede,
    checkout,
    circuit_breaker,
    erasure,
    event_flow,
    idempotency,
    ledger,
    message_editing,
    optimistic_concurrency,
    outbox,
    rate_limiter,
    refund,
    reservation_expiry,
    saga_storm,
    search,
    secret_rotation,
    token_revocation,
    tracing,
    webhooks,
)

_ALL: Final = (
    checkout.DEMO,
    outbox.DEMO,
    erasure.DEMO,
    token_revocation.DEMO,
    reservation_expiry.DEMO,
    idempotency.DEMO,
    optimistic_concurrency.DEMO,
    refund.DEMO,
    ledger.DEMO,
    webhooks.DEMO,
    event_flow.DEMO,
    tracing.DEMO,
    message_editing.DEMO,
    circuit_breaker.DEMO,
    secret_rotation.DEMO,
    saga_storm.DEMO,
    rate_limiter.DEMO,
    cache_stampede.DEMO,
    cache_invalidation.DEMO,
    search.DEMO,
)

DEMOS: Final[Mapping[str, Demo]] = {demo.slug: demo for demo in _ALL}
if len(DEMOS) != len(_ALL):
    raise ValueError("two demos have the same slug")
if DEMOS.keys() != TEXTS.keys():
    raise ValueError(f"described, and no demo: {', '.join(TEXTS.keys() - DEMOS.keys())}")
