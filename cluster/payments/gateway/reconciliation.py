"""Reconciliation: asks the provider for answers that are long overdue.

The provider repeats a webhook until it is answered with 2xx, so this is for a webhook that it
loses. Its answer holds the same events with the same ids.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final
from uuid import UUID

import psycopg

from cluster.messaging.work import UnitOfWork
from cluster.payments.gateway.provider import (
    ProviderClient,
    ProviderRefused,
    ProviderUnavailable,
)
from cluster.payments.gateway.receiver import BusyError, Receiver
from cluster.payments.gateway.transactions import Transactions

logger = logging.getLogger(__name__)

EVERY: Final = 5.0  # seconds
AT_ONCE: Final = 50  # payments a round

# Unanswered for 15 s, then 30 s, and so on up to an hour: an authorisation may stay unanswered for
# ever. An operation that has not been sent yet cannot have been answered.
UNANSWERED: Final = """
    UPDATE payment SET polls = least(polls + 1, 8)
     WHERE id IN (
        SELECT id FROM payment
         WHERE (awaiting IS NOT NULL OR authorisation = 'asked')
           AND asked_at < %s - interval '15 seconds' * (1 << polls)
           AND NOT EXISTS (SELECT 1 FROM provider_request WHERE payment = payment.id)
         ORDER BY asked_at LIMIT %s FOR UPDATE SKIP LOCKED)
    RETURNING id
"""


class Reconciliation:
    """Polls the provider for answers that are overdue."""

    def __init__(
        self, transactions: Transactions, provider: ProviderClient, receiver: Receiver
    ) -> None:
        self._transactions = transactions
        self._provider = provider
        self._receiver = receiver

    async def run(self) -> None:
        """Reconcile every few seconds, for ever."""
        while True:
            await asyncio.sleep(EVERY)
            try:
                await self.reconcile()
            except (psycopg.Error, ProviderUnavailable) as error:
                logger.warning("reconciliation is postponed: %s", error)

    async def reconcile(self) -> int:
        """Ask for the overdue answers and return the number of payments asked about.

        A payment for which this fails waits for its next turn, and the others do not.
        """
        overdue = await self._transactions.run(_overdue)
        for payment in overdue:
            try:
                await self._receiver.apply(await self._provider.events(payment))
            except (ProviderRefused, BusyError) as error:
                logger.warning("payment %s is not reconciled: %s", payment, error)
        return len(overdue)


def _overdue(work: UnitOfWork) -> list[UUID]:
    work.cursor.execute(UNANSWERED, (work.now, AT_ONCE))
    return [row[0] for row in work.cursor.fetchall()]
