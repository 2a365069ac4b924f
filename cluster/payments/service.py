"""The payments service: its table of handlers and its scheduled work.

All contact with the provider (sending, webhooks, reconciliation) belongs to the gateway, a process
of its own: `python -m cluster.payments.gateway`.
"""

from __future__ import annotations

from typing import Final

from cluster.identity.contract import ErasureCompleted, ErasureRefused, ErasureRequested
from cluster.messaging.history import History
from cluster.messaging.service import Service
from cluster.messaging.work import Scheduled, ignore
from cluster.payments.handlers import HANDLERS, WAYS, erase_visitors, forget_provider_events

FORGET_EVERY: Final = 600.0  # seconds; housekeeping that no other work waits for

# A payment closes with its refunds, the last of which decides when.
HISTORY: Final = History(
    tables={"payment": "id", "ledger_entry": "payment", "refund": "id"},
    moving="""
        SELECT id::text FROM payment
         WHERE id < %(first_kept)s::uuid
           AND (state NOT IN ('declined', 'captured', 'capture_refused', 'refunded', 'voided')
                OR awaiting IS NOT NULL OR authorisation = 'asked' OR updated_at >= %(before)s)
        UNION ALL
        SELECT payment::text FROM provider_request
        UNION ALL
        SELECT order_id::text FROM refund
         WHERE order_id < %(first_kept)s::uuid
           AND (state = 'requested' OR updated_at >= %(before)s OR id >= %(first_kept)s::uuid)
        UNION ALL
        SELECT r.id::text FROM refund r JOIN payment p ON p.id = r.order_id
         WHERE r.id < %(first_kept)s::uuid""",
    together="SELECT id FROM refund WHERE order_id IN (SELECT id FROM alone)",
)

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
    history=HISTORY,
)
