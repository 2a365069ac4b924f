"""Double entry: what four kinds of payment leave in the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from cluster.payments.domain.payment import hear
from cluster.payments.repository import save_decisions
from cluster.storefront.checkout_intake import CheckoutOrder
from cluster.storefront.repository import checkouts_of
from portfolio.demos.books import (
    Balances,
    await_facts,
    balanced,
    balances,
    facts,
    lines,
    payment_rows,
)
from portfolio.demos.controls import Choice, Values
from portfolio.demos.demo import Visit, demo
from portfolio.demos.queries import read
from portfolio.demos.result import Check, Figure, Result, Side, check, figure
from portfolio.demos.sagas import USUAL, begin
from portfolio.demos.waiting import ends_of, refunded

WITHIN: Final = 20.0  # seconds; the late one takes about nine


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of payment: its card, and how many facts it leaves."""

    words: str
    card: str
    facts: int
    refunded: bool = False


KEPT: Final = Kind("paid and kept", "tok_ok", 2)
REFUNDED: Final = Kind("paid and refunded", "tok_twice", 3, refunded=True)
DECLINED: Final = Kind("declined", "tok_declined", 0)
LATE: Final = Kind("authorised after its checkout had given up", "tok_late", 2)


def run(visit: Visit, values: Values) -> Result:
    """Pay in each way, wait until every payment is settled, and add up the lines."""
    kinds = [KEPT, REFUNDED, DECLINED, *([LATE] if values["late"] == "yes" else [])]
    orders = [CheckoutOrder(visitor=visit.visitor, sku=USUAL, card=kind.card) for kind in kinds]
    payments = dict(zip(begin(orders), kinds, strict=True))
    ends_of(list(payments), within=WITHIN)
    refunds = [refunded(payment) for payment, kind in payments.items() if kind.refunded]
    for payment, kind in payments.items():
        await_facts(payment, kind.facts)
    books = balances(list(payments))
    bought = read("site", checkouts_of, visit.visitor)
    earlier = [row.id for row in bought if row.ended and row.id not in payments]
    return Result(
        headline=f"{books.transactions} transactions, and all of their lines sum to {books.total}.",
        sides=(
            Side(
                title="The accounts",
                sentence="Every fact that the provider reports moves an amount from one account "
                "to another: two lines that sum to zero. Nothing is changed or deleted.",
                figures=_figures(books),
                tables=(payment_rows(list(payments)),),
            ),
            Side(title="The ledger", tables=(lines(list(payments)),)),
        ),
        checks=tuple(_checks(payments, books, earlier)),
        correlations=(*payments, *refunds),
    )


def _figures(books: Balances) -> tuple[Figure, ...]:
    return (
        figure("customer", f"{books.customer:+d}", "pence"),
        figure("authorised", f"{books.authorised:+d}", "pence"),
        figure("merchant", f"{books.merchant:+d}", "pence"),
        figure("sum", books.total, "pence"),
    )


def _checks(payments: Mapping[UUID, Kind], books: Balances, earlier: list[UUID]) -> Iterator[Check]:
    yield balanced(list(payments))
    found = {payment: len(facts(payment)) for payment in payments}
    wrong = [kind.words for payment, kind in payments.items() if found[payment] != kind.facts]
    yield check(
        "each payment left the facts that it should",
        holds=not wrong,
        sentence=f"Otherwise: {', '.join(wrong)}."
        if wrong
        else "; ".join(f"{kind.words}: {found[payment]}" for payment, kind in payments.items())
        + ".",
    )
    yield check(
        "nothing stays set aside",
        holds=books.authorised == 0,
        sentence=f"The account of what is authorised holds {books.authorised} pence.",
    )
    kept = sum(balances([payment]).merchant for payment, kind in payments.items() if kind is KEPT)
    yield check(
        "only what was kept is taken",
        holds=books.merchant == kept > 0,
        sentence=f"The merchant has {books.merchant} pence, of the one payment that was kept.",
    )
    before = balances(earlier)
    yield check(
        "your earlier payments balance too",
        holds=before.total == 0,
        sentence=f"{len(earlier)} payments of this visitor before these sum to {before.total}.",
    )


DEMO: Final = demo(
    "ledger",
    controls=(
        Choice(
            "late",
            "A late authorisation among them",
            (("no", "no"), ("yes", "yes (10 s)")),
        ),
    ),
    run=run,
    code=(hear, save_decisions),
    seconds=14,
)
