"""The books of payments for some payments: ledger lines, balances, and rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from portfolio.demos.queries import read, table
from portfolio.demos.result import Check, Table, check

LINES: Final = """
    SELECT right(payment::text, 8), split_part(transaction, ' ', 1), account,
           CASE WHEN amount > 0 THEN '+' ELSE '' END || amount,
           to_char(at AT TIME ZONE 'UTC', 'HH24:MI:SS.MS')
      FROM ledger_entry WHERE payment = ANY (%s) ORDER BY id
"""
PAYMENTS: Final = """
    SELECT right(id::text, 8), card, amount::text, state, reason
      FROM payment WHERE id = ANY (%s) ORDER BY created_at, id
"""
BALANCES: Final = """
    SELECT coalesce(sum(amount) FILTER (WHERE account = 'customer'), 0)::bigint,
           coalesce(sum(amount) FILTER (WHERE account = 'authorised'), 0)::bigint,
           coalesce(sum(amount) FILTER (WHERE account = 'merchant'), 0)::bigint,
           count(DISTINCT transaction)
      FROM ledger_entry WHERE payment = ANY (%s)
"""
UNBALANCED: Final = """
    SELECT transaction, sum(amount)::bigint FROM ledger_entry WHERE payment = ANY (%s)
     GROUP BY transaction HAVING sum(amount) <> 0 OR count(*) <> 2
"""


@dataclass(frozen=True, slots=True)
class Balances:
    """The balance of each account over some payments, in pence."""

    customer: int
    authorised: int
    merchant: int
    transactions: int

    @property
    def total(self) -> int:
        return self.customer + self.authorised + self.merchant


def balances(payments: Sequence[UUID]) -> Balances:
    """Return the balances of the accounts, from the ledger's lines. Raises psycopg.Error."""
    return Balances(*read("payments", BALANCES, list(payments))[0])


def lines(payments: Sequence[UUID], caption: str = "The ledger’s lines, in pence") -> Table:
    """Return every ledger line of these payments, in the order in which they were entered."""
    columns = ("payment", "fact", "account", "amount", "at (UTC)")
    return table("payments", caption, columns, LINES, list(payments))


def payment_rows(payments: Sequence[UUID], caption: str = "The payments") -> Table:
    """Return the present rows of these payments."""
    columns = ("payment", "card", "pence", "state", "reason")
    return table("payments", caption, columns, PAYMENTS, list(payments))


def balanced(payments: Sequence[UUID]) -> Check:
    """Check that every transaction has two lines that sum to zero, and that all lines do."""
    wrong = read("payments", UNBALANCED, list(payments))
    books = balances(payments)
    return check(
        "the ledger balances",
        holds=not wrong and books.total == 0,
        sentence=f"{books.transactions} transactions, {len(wrong)} of them out of balance; "
        f"all lines sum to {books.total}.",
    )
