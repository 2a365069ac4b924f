"""Rows of payments, as others read them: payments, the ledger, and the provider's events."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from cluster.secrets.postgres import Cursor

PAYMENTS: Final = """
    SELECT id, amount, card, state, authorisation, reason, authorised, captured, voided, refunded,
           created_at, updated_at
      FROM payment WHERE id = ANY (%s) ORDER BY created_at, id
"""
LEDGER: Final = """
    SELECT id, payment, transaction, account, amount, at
      FROM ledger_entry WHERE payment = ANY (%s) ORDER BY id
"""
LEDGER_PAGE: Final = """
    SELECT id, payment, transaction, account, amount, at FROM ledger_entry
     WHERE payment = ANY (%s) AND id < %s ORDER BY id DESC LIMIT %s
"""
BALANCES: Final = """
    SELECT account, sum(amount)::bigint FROM ledger_entry WHERE payment = ANY (%s)
     GROUP BY account ORDER BY account
"""
EVENTS: Final = """
    SELECT payment, type, received_at
      FROM provider_event WHERE payment = ANY (%s) ORDER BY received_at, type
"""
IS_KNOWN: Final = "SELECT EXISTS (SELECT FROM provider_event WHERE id = %s)"


class PaymentRow(NamedTuple):
    """The payment of one checkout (same id), with the provider's answers. Amounts are in pence."""

    id: UUID
    amount: int
    card: str
    state: str
    authorisation: str
    reason: str
    authorised: int
    captured: int
    voided: int
    refunded: int
    created_at: datetime
    updated_at: datetime


class LedgerLine(NamedTuple):
    """One line of the ledger, in pence. The lines of a transaction sum to zero."""

    id: int
    payment: UUID
    transaction: str
    account: str
    amount: int
    at: datetime

    @property
    def fact(self) -> str:
        """The report of the provider: authorised, captured, voided or refunded."""
        return self.transaction.partition(" ")[0]


class EventRow(NamedTuple):
    """An event of the provider that was applied."""

    payment: UUID
    type: str
    received_at: datetime


def payments(cursor: Cursor, ids: Collection[UUID]) -> list[PaymentRow]:
    """Return the payments of these ids, oldest first."""
    return [PaymentRow(*row) for row in cursor.execute(PAYMENTS, (list(ids),))]


def ledger(cursor: Cursor, ids: Collection[UUID]) -> list[LedgerLine]:
    """Return every line of these payments, in the order in which they were entered."""
    return [LedgerLine(*row) for row in cursor.execute(LEDGER, (list(ids),))]


def ledger_page(cursor: Cursor, ids: Collection[UUID], before: int, most: int) -> list[LedgerLine]:
    """Return the newest lines of these payments below a number, newest first."""
    return [LedgerLine(*row) for row in cursor.execute(LEDGER_PAGE, (list(ids), before, most))]


def balances(cursor: Cursor, ids: Collection[UUID]) -> dict[str, int]:
    """Return the balance of each account over these payments, in pence."""
    return dict(cursor.execute(BALANCES, (list(ids),)).fetchall())


def provider_events(cursor: Cursor, ids: Collection[UUID]) -> list[EventRow]:
    """Return the provider's events about these payments, in the order in which they came."""
    return [EventRow(*row) for row in cursor.execute(EVENTS, (list(ids),))]


def is_known(cursor: Cursor, event: UUID) -> bool:
    """Return whether an event of the provider was applied."""
    return cursor.execute(IS_KNOWN, (event,)).fetchone() == (True,)
