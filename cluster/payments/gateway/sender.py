"""Sends operations to the provider: they leave `provider_request` in order, in batches.

A row is deleted when the provider has answered 2xx. A crash in between sends it again under the
same key, and the provider does nothing twice. While the provider is down the rows wait: there is no
count of attempts that could run out. An operation that the provider refuses becomes a dead letter,
and those behind it are sent.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Final
from uuid import UUID

import msgspec
import psycopg

from cluster.messaging.dead_letters import Reason, Rejected, file_dead_letter
from cluster.messaging.work import UnitOfWork
from cluster.payments.domain.breaker import Breaker, Circuit
from cluster.payments.gateway.provider import (
    ProviderClient,
    ProviderRefused,
    ProviderUnavailable,
)
from cluster.payments.gateway.provider_spans import asked
from cluster.payments.gateway.transactions import Transactions
from cluster.payments.provider_api import ASKED, MOST_OPERATIONS, Operation, OperationKind
from cluster.secrets.postgres import is_outage
from cluster.tracing.context import below

logger = logging.getLogger(__name__)

# Seconds. NOTIFY wakes the sender. This slow sweep finds the rows of a lost notification.
SWEEP: Final = 1.0
DATABASE_PAUSE: Final = 0.2  # seconds between two attempts to reach our own database

DELETE: Final = "DELETE FROM provider_request WHERE key = ANY(%s)"
# The ids of one payment's rows are in the order of its commits, since they are written under its
# lock.
READ: Final = """
    SELECT r.key, r.payment, r.kind, r.amount, r.card, p.traceparent
      FROM provider_request r JOIN payment p ON p.id = r.payment
     ORDER BY r.id LIMIT %s
"""


class Sender:
    """Drains `provider_request`, woken by `wake` when there may be something new in it."""

    def __init__(self, transactions: Transactions, provider: ProviderClient) -> None:
        self.wake = asyncio.Event()
        self.waiting = 0  # operations in the last batch that was read
        self._transactions = transactions
        self._provider = provider
        self._breaker = Breaker()
        self._sent: list[UUID] = []  # confirmed by the provider, not yet deleted
        self._refused: list[tuple[Operation, str]] = []  # by the provider, with the reason
        self._commands: dict[UUID, str] = {}  # traceparents of the commands behind the last batch

    @property
    def circuit(self) -> Circuit:
        return self._breaker.circuit(asyncio.get_running_loop().time())

    async def run(self) -> None:
        """Send the operations that wait, for ever, waiting out failures of either side."""
        while True:
            self.wake.clear()
            try:
                batch = await self._transactions.run(self._next_batch)
            except psycopg.Error as error:
                if is_outage(error):
                    logger.warning("the database is away: %s", error)
                else:
                    logger.exception("operations wait, and the database is not away")
                await asyncio.sleep(DATABASE_PAUSE)
                continue
            self._sent, self._refused = [], []
            self.waiting = len(batch)
            if batch:
                await self._send(batch)
            else:
                # Not `wait_for`: in Python 3.11 it forgets a cancellation that comes with a wake.
                with suppress(TimeoutError):
                    async with asyncio.timeout(SWEEP):
                        await self.wake.wait()

    def _next_batch(self, work: UnitOfWork) -> list[Operation]:
        """Delete the sent operations, file the refused ones, and read the next batch."""
        for operation, reason in self._refused:
            body = msgspec.json.encode(operation)
            file_dead_letter(work, Rejected(body, Reason.PERMANENT, reason, way=ASKED))
        settled = [*self._sent, *(operation.key for operation, _ in self._refused)]
        if settled:
            work.cursor.execute(DELETE, (settled,))
        work.cursor.execute(READ, (MOST_OPERATIONS,))
        rows = work.cursor.fetchall()
        self._commands = {key: command for key, *_, command in rows if command is not None}
        return [
            # In the span in which the gateway sends it, below that of the command behind it.
            Operation(key, payment, OperationKind(kind), amount, card, below(command, key, "asked"))
            for key, payment, kind, amount, card, command in rows
        ]

    async def _send(self, batch: Sequence[Operation]) -> bool:
        """Send operations, one by one if some are refused, or return False without a provider."""
        clock = asyncio.get_running_loop().time
        await asyncio.sleep(self._breaker.pause(clock()))
        began = time.time_ns()
        try:
            await self._provider.send(batch)
        except ProviderUnavailable as error:
            self._breaker = self._breaker.failed(clock())
            logger.warning("%d operations wait, circuit %s: %s", len(batch), self.circuit, error)
            return False
        except ProviderRefused as error:
            self._breaker = self._breaker.succeeded()  # it is there, and answers
            if len(batch) == 1:
                logger.warning("%s becomes a dead letter: %s", batch[0], error)
                self._refused.append((batch[0], str(error)))
                return True
        else:
            self._breaker = self._breaker.succeeded()
            self._sent += [operation.key for operation in batch]
            asked(batch, self._commands, began, time.time_ns())
            return True
        for operation in batch:  # in their order: a later one of a payment must not go first
            if not await self._send([operation]):
                return False
        return True
