"""The site as a service: it journals everything, handles no command, and asks for work."""

from __future__ import annotations

from typing import Final

from cluster.catalog.contract import AmendProduct, ListProduct, ReleaseStock, ReserveStock
from cluster.checkout.contract import StartCheckout
from cluster.identity.contract import IssueToken, RefreshToken, RequestErasure, RevokeToken
from cluster.messaging.fault_commands import fault_commands
from cluster.messaging.history import History
from cluster.messaging.replays import replay_commands
from cluster.messaging.service import Service
from cluster.messaging.work import Scheduled
from cluster.orders.contract import RequestRefund
from cluster.payments.contract import AuthorisePayment, VoidPayment
from cluster.storefront.ambient_load import start_ambient_checkout
from cluster.storefront.contact.mail import mail_messages
from cluster.storefront.journal.recorder import JournalSink
from cluster.storefront.retention import purge_demo_runs, purge_idempotency_keys, purge_journal
from cluster.storefront.tokens.denial import purge_tokens

AMBIENT_EVERY: Final = 2.0  # seconds: a light load, with visible activity at any time
PURGE_EVERY: Final = 10.0  # seconds
MAIL_EVERY: Final = 15.0  # seconds; the visitor who writes a message does not wait for it

# A request for a checkout outlives those for its refunds, whose owner it knows.
HISTORY: Final = History(
    tables={"checkout_request": "id", "refund_request": "id", "erasure_request": "id"},
    moving="""
        SELECT id::text FROM checkout_request
         WHERE id < %(first_kept)s::uuid AND (status = 'accepted' OR ended_at >= %(before)s)
        UNION ALL
        SELECT id::text FROM refund_request
         WHERE id < %(first_kept)s::uuid AND (status = 'accepted' OR ended_at >= %(before)s)
        UNION ALL
        SELECT order_id::text FROM refund_request
         WHERE order_id < %(first_kept)s::uuid
           AND (status = 'accepted' OR ended_at >= %(before)s OR id >= %(first_kept)s::uuid)
        UNION ALL
        SELECT id::text FROM erasure_request
         WHERE id < %(first_kept)s::uuid AND (status = 'accepted' OR ended_at >= %(before)s)""",
)

SERVICE: Final = Service(
    name="site",
    code="WEB",
    handlers={},
    schedule=(
        Scheduled(name="site.ambient_checkout", every=AMBIENT_EVERY, run=start_ambient_checkout),
        Scheduled(name="site.purge_journal", every=PURGE_EVERY, run=purge_journal),
        Scheduled(name="site.purge_tokens", every=PURGE_EVERY, run=purge_tokens),
        Scheduled(name="site.purge_demo_runs", every=PURGE_EVERY, run=purge_demo_runs),
        Scheduled(
            name="site.purge_idempotency_keys", every=PURGE_EVERY, run=purge_idempotency_keys
        ),
        Scheduled(name="site.mail_messages", every=MAIL_EVERY, run=mail_messages),
    ),
    journal=JournalSink,
    commands=(
        StartCheckout,
        ListProduct,
        AmendProduct,
        RequestRefund,
        RequestErasure,
        IssueToken,
        RefreshToken,
        RevokeToken,
        *replay_commands(),
        *fault_commands(),
        # Demos send these without a checkout, to show one service alone.
        ReserveStock,
        ReleaseStock,
        AuthorisePayment,
        VoidPayment,
    ),
    history=HISTORY,
)
