"""The payments service: what it handles, and what it does by the clock.

What involves the provider (sending, webhooks, reconciliation) is the gateway's,
a process of its own: `python -m cluster.payments.gateway`.
"""

from __future__ import annotations

from typing import Final

from cluster.messaging.service import Service
from cluster.messaging.work import Scheduled
from cluster.payments.handlers import HANDLERS, forget_provider_events

FORGET_EVERY: Final = 600.0  # seconds; housekeeping, nothing waits for it

SERVICE: Final = Service(
    name="payments",
    code="PAY",
    handlers=HANDLERS,
    schedule=(
        Scheduled(
            name="payments.forget_provider_events", every=FORGET_EVERY, run=forget_provider_events
        ),
    ),
)
