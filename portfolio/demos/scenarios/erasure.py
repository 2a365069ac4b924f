"""The erasure of a visitor whom the demo makes up, never of the one who runs it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from typing import Final
from uuid import UUID

from cluster.health.observer.name_search import Found, search
from cluster.identity.domain.erasure import SERVICES
from cluster.identity.queries import receipts, spent
from cluster.orders.handlers import erase_visitors
from cluster.orders.queries import orders
from cluster.storefront.checkout_intake import Outcome, accept_erasure
from cluster.storefront.journal.erasure import forget_visitors
from cluster.storefront.repository import checkouts, erasure
from cluster.storefront.transactions import run_in_transaction
from portfolio.demos.books import balanced, balances
from portfolio.demos.controls import Number, Values
from portfolio.demos.demo import Visit, demo
from portfolio.demos.name_search import begin_search, search_everywhere
from portfolio.demos.queries import read, table
from portfolio.demos.result import Check, Result, Side, Table, check, figure
from portfolio.demos.sagas import begin, order_of
from portfolio.demos.waiting import StillUnderWay, at_least, await_read, ends_of, has_ended

WITHIN: Final = 25.0  # seconds; a service that did not answer is asked again after ten


def run(visit: Visit, values: Values) -> Result:
    """Let a stranger buy, search for the name everywhere, have it erased, and search again."""
    since = begin_search()
    stranger = f"visitor-{secrets.token_hex(8)}"
    wanted = [order_of(stranger, Outcome.SUCCESS) for _ in range(int(values["checkouts"]))]
    # Within the limit of the visitor who runs this.
    bought = begin(wanted, by=visit.visitor)
    ends_of(bought)
    await_read("identity", spent, bought, until=at_least(len(bought)))
    before, books = search_everywhere(stranger, since), balances(bought)
    forgotten = _forgotten(stranger)
    after = search_everywhere(stranger, since)
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
                tables=(_receipts(forgotten), _orders(bought)),
            ),
        ),
        checks=(
            *_checks(before, after, forgotten, bought),
            balanced(bought),
            check(
                "the ledger is as it was",
                holds=balances(bought) == books,
                sentence=f"{books.transactions} transactions, {books.merchant} pence taken.",
            ),
        ),
        correlations=(forgotten, *bought),
    )


def _forgotten(stranger: str) -> UUID:
    """Have the stranger erased, wait for it, and return the erasure's id."""
    identifier = run_in_transaction(lambda work: accept_erasure(work, visitor=stranger))
    if not has_ended(await_read("site", erasure, identifier, until=has_ended, within=WITHIN)):
        raise StillUnderWay(
            f"Not every service had answered after {WITHIN:.0f} s, since one is away. It is asked "
            "again until it has."
        )
    return identifier


def _places(before: Sequence[Found], after: Sequence[Found]) -> Table:
    columns = ("database", "tables searched", "before", "in", "after")
    cells = (
        (was.database, was.tables, was.rows, ", ".join(was.places) or "–", now.rows)
        for was, now in zip(before, after, strict=True)
    )
    return table("", "Rows that hold the name", columns, cells)


def _receipts(forgotten: UUID) -> Table:
    columns = ("service", "attempt", "rows under the pseudonym")
    return table("identity", "The receipts", columns, read("identity", receipts, forgotten))


def _orders(bought: Sequence[UUID]) -> Table:
    columns = ("order", "visitor", "sku", "pence", "state")
    rows = read("orders", orders, bought)
    cells = ((row.id, row.visitor, row.sku, row.amount, row.state) for row in rows)
    return table("orders", "The orders", columns, cells)


def _total(found: Sequence[Found]) -> int:
    return sum(one.rows for one in found)


def _holding(found: Sequence[Found]) -> int:
    return sum(one.rows > 0 for one in found)


def _checks(
    before: Sequence[Found], after: Sequence[Found], forgotten: UUID, bought: Sequence[UUID]
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
    answered = {receipt.service for receipt in read("identity", receipts, forgotten)}
    everyone = {"identity", *SERVICES}
    yield check(
        "every service has answered",
        holds=answered == everyone,
        sentence=f"{len(answered)} of {len(everyone)} receipts are there.",
    )
    kept = read("site", checkouts, bought)
    yield check(
        "no card is kept",
        holds={(one.visitor, one.card) for one in kept} == {(kept[0].visitor, "erased")},
        sentence=f"{len(bought)} checkouts stand under {kept[0].visitor}, their card is "
        f"“{kept[0].card}”.",
    )


DEMO: Final = demo(
    "erasure",
    controls=(Number("checkouts", "Checkouts of the stranger", 1, 5, 2),),
    run=run,
    code=(erase_visitors, forget_visitors, search),
    seconds=8,
)
