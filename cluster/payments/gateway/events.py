"""Applies provider events: once each, with the ledger, in one transaction."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from cluster.messaging.streams import count
from cluster.messaging.work import UnitOfWork
from cluster.payments.domain.payment import Decision, hear
from cluster.payments.gateway.provider_spans import heard_in
from cluster.payments.provider_api import ProviderEvent
from cluster.payments.repository import load_payments, save_decisions

logger = logging.getLogger(__name__)

KNOWN: Final = "SELECT id FROM payment WHERE id = ANY(%s)"

RECORD: Final = """
    INSERT INTO provider_event (id, type, payment, received_at)
    SELECT id, type, payment, %s
      FROM unnest(%s::uuid[], %s::text[], %s::uuid[]) AS t (id, type, payment)
    ON CONFLICT (id) DO NOTHING RETURNING id
"""


def apply_events(work: UnitOfWork, events: Sequence[ProviderEvent]) -> list[ProviderEvent]:
    """Apply a batch of events and return those whose payment is locked elsewhere.

    The gateway never waits for a row while it holds others, so it cannot take part in a deadlock
    with a worker that applies commands. Events that were applied before are recognised by their id
    and counted.
    """
    once = {event.id: event for event in events}
    payments = load_payments(work, {event.payment for event in events}, skip_locked=True)
    missing = {event.payment for event in events} - payments.keys()
    locked = _existing(work, missing)
    ready = [event for event in once.values() if event.payment not in locked]
    new = _record(work, ready)
    duplicates = len(events) - len(once) + len(ready) - len(new)
    if duplicates:
        count(work, "webhooks_deduplicated", duplicates)
    decisions: list[Decision] = []
    for event in ready:
        payment = payments.get(event.payment)
        if event.id not in new:
            continue
        if payment is None:
            logger.error("the provider speaks of a payment that is not ours: %s", event)
            continue
        heard_in(work, event, payment)
        decision = hear(payment, event)
        payments[payment.id] = decision.payment
        decisions.append(decision)
    save_decisions(work, decisions)
    return [event for event in once.values() if event.payment in locked]


def _existing(work: UnitOfWork, ids: set[UUID]) -> set[UUID]:
    if not ids:
        return set()
    work.cursor.execute(KNOWN, (list(ids),))
    return {row[0] for row in work.cursor.fetchall()}


def _record(work: UnitOfWork, events: Sequence[ProviderEvent]) -> set[UUID]:
    if not events:
        return set()
    work.cursor.execute(
        RECORD,
        (
            work.now,
            [event.id for event in events],
            [event.type.value for event in events],
            [event.payment for event in events],
        ),
    )
    return {row[0] for row in work.cursor.fetchall()}
