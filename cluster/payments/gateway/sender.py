"""What goes to the provider: operations leave `provider_request` in order, by the batch.

A row is deleted when the provider has answered 2xx. A crash in between sends it
again under the same key, and the provider does nothing twice. While the provider
is down the rows wait: there is no count of attempts that could run out.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Final
from uuid import UUID

import psycopg

from cluster.messaging.work import UnitOfWork
from cluster.payments.domain.breaker import Breaker, Circuit
from cluster.payments.gateway.provider import ProviderClient, ProviderUnavailable
from cluster.payments.gateway.provider_spans import asked, asked_in
from cluster.payments.gateway.transactions import Transactions
from cluster.payments.provider_api import MOST_OPERATIONS, Operation, OperationKind

logger = logging.getLogger(__name__)

# NOTIFY wakes the sender; this slow sweep finds what a lost notification left behind.
SWEEP: Final = 1.0
DATABASE_PAUSE: Final = 0.2  # seconds between two attempts to reach our own database

DELETE: Final = "DELETE FROM provider_request WHERE key = ANY(%s)"
# The ids of one payment's rows are in the order of its commits: they are written under its lock.
READ: Final = """
    SELECT r.key, r.payment, r.kind, r.amount, r.card, p.traceparent
      FROM provider_request r JOIN payment p ON p.id = r.payment
     ORDER BY r.id LIMIT %s
"""


class Sender:
    """Drains `provider_request`. `wake` is set when there may be something new in it."""

    def __init__(self, transactions: Transactions, provider: ProviderClient) -> None:
        self.wake = asyncio.Event()
        self.waiting = 0  # operations in the last batch that was read
        self._transactions = transactions
        self._provider = provider
        self._breaker = Breaker()
        self._sent: list[UUID] = []  # confirmed by the provider, not yet deleted
        self._commands: dict[UUID, str] = {}  # traceparents of those behind the last batch

    @property
    def circuit(self) -> Circuit:
        return self._breaker.circuit(asyncio.get_running_loop().time())

    async def run(self) -> None:
        """Send what is there, for ever. Failures of either side are waited out."""
        while True:
            self.wake.clear()
            try:
                batch = await self._transactions.run(self._next_batch)
            except psycopg.Error as error:
                logger.warning("the database is away: %s", error)
                await asyncio.sleep(DATABASE_PAUSE)
                continue
            self._sent = []
            self.waiting = len(batch)
            if batch:
                await self._send(batch)
            else:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.wake.wait(), SWEEP)

    def _next_batch(self, work: UnitOfWork) -> list[Operation]:
        """Delete what was sent and read what is next."""
        if self._sent:
            work.cursor.execute(DELETE, (self._sent,))
        work.cursor.execute(READ, (MOST_OPERATIONS,))
        rows = work.cursor.fetchall()
        self._commands = {key: command for key, *_, command in rows if command is not None}
        return [
            Operation(key, payment, OperationKind(kind), amount, card, asked_in(command, key))
            for key, payment, kind, amount, card, command in rows
        ]

    async def _send(self, batch: Sequence[Operation]) -> None:
        clock = asyncio.get_running_loop().time
        await asyncio.sleep(self._breaker.pause(clock()))
        began = time.time_ns()
        try:
            await self._provider.send(batch)
        except ProviderUnavailable as error:
            self._breaker = self._breaker.failed(clock())
            logger.warning("%d operations wait, circuit %s: %s", len(batch), self.circuit, error)
        else:
            self._breaker = self._breaker.succeeded()
            self._sent = [operation.key for operation in batch]
            asked(batch, self._commands, began, time.time_ns())
