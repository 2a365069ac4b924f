"""The erasure of a visitor whom the demo makes up, never of the one who runs it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from typing import Final
from uuid import UUID

from cluster.identity.domain.erasure import SERVICES
from cluster.messaging.work import UnitOfWork
from cluster.storefront.admission import TooManyRequests
from cluster.storefront.checkout_intake import (
    CheckoutOrder,
    InvalidRequest,
    Outcome,
    accept_checkouts,
    accept_erasure,
)
from cluster.storefront.transactions import run_in_transaction
from cluster.storefront.visitor_limit import limit_visitor
from portfolio.demos.books import balanced, balances
from portfolio.demos.controls import Number, Values
from portfolio.demos.demo import Demo, Visit
from portfolio.demos.queries import read, table
from portfolio.demos.result import Check, Result, Side, Table, check, figure
from portfolio.demos.sagas import USUAL, order_of
from portfolio.demos.traces_of_a_name import Found, mark, search
from portfolio.demos.waiting import StillUnderWay, await_rows, ends_of

WITHIN: Final = 25.0  # seconds; a service that did not answer is asked again after ten

ENDED: Final = "SELECT status, reason FROM erasure_request WHERE id = %s AND status <> 'accepted'"
SPENT: Final = "SELECT id FROM spend WHERE id = ANY (%s)"
RECEIPTS: Final = """
    SELECT service, receipt ->> 'attempt', receipt ->> 'rows'
      FROM erasure, jsonb_each(receipts) AS r (service, receipt) WHERE id = %s ORDER BY service
"""
NAMES: Final = "SELECT DISTINCT visitor, card FROM checkout_request WHERE id = ANY (%s)"
LEFT: Final = """
    SELECT right(id::text, 8), visitor, sku, amount::text, state
      FROM orders WHERE id = ANY (%s) ORDER BY id
"""


def run(visit: Visit, values: Values) -> Result:
    """Let a stranger buy, search for the name everywhere, have it erased, and search again."""
    since = mark()
    stranger = f"visitor-{secrets.token_hex(8)}"
    bought = _buy(visit, stranger, int(values["checkouts"]))
    ends_of(bought)
    await_rows("identity", SPENT, bought, until=lambda rows: len(rows) == len(bought))
    before, books = search(stranger, since), balances(bought)
    erasure = _forgotten(stranger)
    after = search(stranger, since)
    return Result(
        headline=f"The name stood in {_total(before)} rows of {_holding(before)} databases; now "
        f"it stands in {_total(after)}.",
        sides=(
            Side(
                title="Where the name stood",
                sentence="Every table that holds text was searched, in all six databases. What "
                "the payment provider keeps is the provider’s to answer for.",
                tables=(_places(before, after),),
            ),
            Side(
                title="What is left",
                sentence="The rows stay, since money and goods have to add up. A pseudonym stands "
                "in the name’s place, and leads back to nobody.",
                figures=(
                    figure("Transactions in the ledger before", books.transactions),
                    figure("after", balances(bought).transactions),
                ),
                tables=(_receipts(erasure), _orders(bought)),
            ),
        ),
        checks=(
            *_checks(before, after, erasure, bought),
            balanced(bought),
            check(
                "the ledger is as it was",
                holds=balances(bought) == books,
                sentence=f"{books.transactions} transactions, {books.merchant} pence taken.",
            ),
        ),
        correlations=(erasure, *bought),
    )


def _buy(visit: Visit, stranger: str, count: int) -> list[UUID]:
    """Start checkouts of the stranger, within the limit of the visitor who runs this."""
    orders = [order_of(stranger, Outcome.SUCCESS) for _ in range(count)]

    def accept(work: UnitOfWork) -> list[UUID]:
        limit_visitor(work, CheckoutOrder(visitor=visit.visitor, sku=USUAL))
        return accept_checkouts(work, requests=orders)

    try:
        return run_in_transaction(accept)
    except TooManyRequests as error:
        raise InvalidRequest(str(error)) from error


def _forgotten(stranger: str) -> UUID:
    """Have the stranger erased, wait for it, and return the erasure's id."""
    erasure = run_in_transaction(lambda work: accept_erasure(work, visitor=stranger))
    ended = await_rows("site", ENDED, erasure, within=WITHIN)
    if not ended:
        raise StillUnderWay(
            f"Not every service had answered after {WITHIN:.0f} s, since one is away. It is asked "
            "again until it has."
        )
    return erasure


def _places(before: Sequence[Found], after: Sequence[Found]) -> Table:
    return Table(
        caption="Rows that hold the name",
        database="",
        columns=("database", "tables searched", "before", "in", "after"),
        rows=tuple(
            (
                was.database,
                str(was.tables),
                str(was.rows),
                ", ".join(was.places) or "–",
                str(now.rows),
            )
            for was, now in zip(before, after, strict=True)
        ),
    )


def _receipts(erasure: UUID) -> Table:
    columns = ("service", "attempt", "rows under the pseudonym")
    return table("identity", "The receipts", columns, RECEIPTS, erasure)


def _orders(bought: Sequence[UUID]) -> Table:
    columns = ("order", "visitor", "sku", "pence", "state")
    return table("orders", "The orders", columns, LEFT, list(bought))


def _total(found: Sequence[Found]) -> int:
    return sum(one.rows for one in found)


def _holding(found: Sequence[Found]) -> int:
    return sum(one.rows > 0 for one in found)


def _checks(
    before: Sequence[Found], after: Sequence[Found], erasure: UUID, bought: Sequence[UUID]
) -> Iterator[Check]:
    yield check(
        "the search finds a name that is there",
        holds=_holding(before) > 0,
        sentence=f"Before, it found {_total(before)} rows in {_holding(before)} databases.",
    )
    left = [f"{one.database}: {', '.join(one.places)}" for one in after if one.rows]
    yield check(
        "the name is nowhere",
        holds=not left,
        sentence=f"It still stands in {'; '.join(left)}."
        if left
        else f"{sum(one.tables for one in after)} tables in {len(after)} databases were searched.",
    )
    answered = {service for service, *_ in read("identity", RECEIPTS, erasure)}
    everyone = {"identity", *SERVICES}
    yield check(
        "every service has answered",
        holds=answered == everyone,
        sentence=f"{len(answered)} of {len(everyone)} receipts are there.",
    )
    names = read("site", NAMES, list(bought))
    yield check(
        "no card is kept",
        holds=[card for _, card in names] == ["erased"],
        sentence=f"{len(bought)} checkouts stand under {names[0][0]}, their card is "
        f"“{names[0][1]}”.",
    )


DEMO: Final = Demo(
    slug="erasure",
    title="Being forgotten, in six databases",
    service="identity",
    lead="A stranger, made for this run, buys something and asks to be forgotten. Identity asks "
    "every service until each has answered; each writes a pseudonym for the name and sends a "
    "receipt. You yourself are not touched.",
    watch=(
        "Where the name stands before: tables of several databases, and the journal.",
        "The receipts: how many rows of each service are under the pseudonym now.",
        "The ledger: it knows payments, not people, and is the same before and after.",
    ),
    controls=(Number("checkouts", "Checkouts of the stranger", 1, 5, 2),),
    run=run,
    sources=(
        "cluster.identity.erasure",
        "cluster.identity.domain.erasure:Erasure",
        "cluster.orders.erasure:erase_visitors",
        "cluster.storefront.journal.erasure:forget_visitors",
        "portfolio.demos.traces_of_a_name:search",
    ),
    experiment="kill-worker-orders",
    seconds=8,
)
