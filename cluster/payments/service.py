"""The payments service: its table of handlers and its scheduled work.

All contact with the provider (sending, webhooks, reconciliation) belongs to the gateway, a process
of its own: `python -m cluster.payments.gateway`.
"""

from __future__ import annotations

from typing import Final

from cluster.identity.contract import ErasureCompleted, ErasureRefused, ErasureRequested
from cluster.messaging.service import Service
from cluster.messaging.work import Scheduled, ignore
from cluster.payments.handlers import HANDLERS, WAYS, erase_visitors, forget_provider_events

FORGET_EVERY: Final = 600.0  # seconds; housekeeping that no other work waits for

SERVICE: Final = Service(
    name="payments",
    code="PAY",
    handlers={
        **HANDLERS,
        ErasureRequested: erase_visitors,
        ErasureRefused: ignore,
        ErasureCompleted: ignore,
    },
    ways=WAYS,
    schedule=(
        Scheduled(
            name="payments.forget_provider_events", every=FORGET_EVERY, run=forget_provider_events
        ),
    ),
)
