"""The books of payments for some payments: ledger lines, balances, and rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple
from uuid import UUID

from cluster.payments import queries
from cluster.payments.queries import LedgerLine, ledger
from portfolio.demos.queries import read, table
from portfolio.demos.result import Check, Table, check
from portfolio.demos.waiting import at_least, await_read

LINES_OF_A_FACT: Final = 2  # what it takes from one account it gives to another


class Fact(NamedTuple):
    """A fact that the provider has reported, and the transaction that entered it."""

    name: str
    transaction: str


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
    return _balances(read("payments", ledger, payments))


def facts(payment: UUID) -> list[Fact]:
    """Return the facts about a payment that are entered, sorted by name."""
    entered = read("payments", ledger, [payment])
    return sorted({Fact(line.fact, line.transaction) for line in entered})


def await_facts(payment: UUID, count: int) -> None:
    """Wait until the ledger has this many facts of a payment, or until time is up."""
    await_read("payments", ledger, [payment], until=at_least(LINES_OF_A_FACT * count))


def lines(payments: Sequence[UUID], caption: str = "The ledger’s lines, in pence") -> Table:
    """Return every ledger line of these payments, in the order in which they were entered."""
    columns = ("payment", "fact", "account", "amount", "at (UTC)")
    cells = (
        (line.payment, line.fact, line.account, f"{line.amount:+d}", line.at)
        for line in read("payments", ledger, payments)
    )
    return table("payments", caption, columns, cells)


def payment_rows(payments: Sequence[UUID]) -> Table:
    """Return the present rows of these payments."""
    columns = ("payment", "card", "pence", "state", "reason")
    rows = read("payments", queries.payments, payments)
    cells = ((row.id, row.card, row.amount, row.state, row.reason) for row in rows)
    return table("payments", "The payments", columns, cells)


def balanced(payments: Sequence[UUID]) -> Check:
    """Check that every transaction has two lines that sum to zero, and that all lines do."""
    entered = read("payments", ledger, payments)
    books = _balances(entered)
    amounts: dict[str, list[int]] = {}
    for line in entered:
        amounts.setdefault(line.transaction, []).append(line.amount)
    wrong = [
        name for name, both in amounts.items() if len(both) != LINES_OF_A_FACT or sum(both) != 0
    ]
    return check(
        "the ledger balances",
        holds=not wrong and books.total == 0,
        sentence=f"{books.transactions} transactions, {len(wrong)} of them out of balance; "
        f"all lines sum to {books.total}.",
    )


def _balances(entered: Sequence[LedgerLine]) -> Balances:
    held: Counter[str] = Counter()
    for line in entered:
        held[line.account] += line.amount
    transactions = len({line.transaction for line in entered})
    return Balances(held["customer"], held["authorised"], held["merchant"], transactions)
