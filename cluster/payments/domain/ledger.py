"""The double-entry ledger: every fact from the provider moves money between two accounts.

The entries follow from the provider's facts alone, never from the saga's commands. So the books
equal the provider's as soon as every fact has arrived, in any order.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from uuid import UUID

from cluster.payments.provider_api import EventType


class Account(enum.StrEnum):
    CUSTOMER = "customer"  # the card's remaining money (relative: it starts at zero)
    AUTHORISED = "authorised"  # set aside at the provider; zero at rest
    MERCHANT = "merchant"  # captured


# The account from which each fact moves its amount, and the one to which.
MOVES: Final[Mapping[EventType, tuple[Account, Account]]] = MappingProxyType(
    {
        EventType.AUTHORISED: (Account.CUSTOMER, Account.AUTHORISED),
        EventType.CAPTURED: (Account.AUTHORISED, Account.MERCHANT),
        EventType.VOIDED: (Account.AUTHORISED, Account.CUSTOMER),
        EventType.REFUNDED: (Account.MERCHANT, Account.CUSTOMER),
    }
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger, with `amount` in signed pence.

    Lines of one transaction sum to zero.
    """

    payment: UUID
    transaction: str
    account: Account
    amount: int


def entries(fact: EventType, *, payment: UUID, operation: UUID, amount: int) -> tuple[Entry, ...]:
    """Return the lines that record `fact`, or none for an answer that moved no money.

    A transaction is named after the operation that moved the money, so that an operation can be
    entered once only (a unique index enforces it).
    """
    move = MOVES.get(fact)
    if move is None or amount == 0:
        return ()
    source, target = move
    transaction = f"{fact.value} {operation}"
    return (
        Entry(payment, transaction, source, -amount),
        Entry(payment, transaction, target, amount),
    )


def balances(lines: Iterable[Entry]) -> dict[Account, int]:
    """Return the balance of each account after these lines."""
    held = dict.fromkeys(Account, 0)
    for line in lines:
        held[line.account] += line.amount
    return held
