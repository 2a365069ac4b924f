"""The checkout saga, with every outcome that it can have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from cluster.operations.plan import SOLD_OUT
from cluster.sagas import engine
from cluster.sagas.repository import list_sagas
from cluster.storefront.checkout_intake import CheckoutOrder, Outcome, accept_checkouts
from portfolio.demos.controls import Choice, Values
from portfolio.demos.demo import Visit, demo
from portfolio.demos.queries import read, table
from portfolio.demos.result import Check, Result, Side, Table, check, figure
from portfolio.demos.sagas import USUAL, await_ended, begin, list_product, order_of
from portfolio.demos.waiting import left_open, nothing_left

RACERS: Final = 5
PATIENCE: Final = 25.0  # seconds; an outcome that waits for a deadline takes about 10


def run(visit: Visit, values: Values) -> Result:
    """Start the checkouts, wait for their end, and count holds and reservations left open."""
    outcome = Outcome(str(values["outcome"]))
    ids = begin(_orders(visit, outcome))
    ended = await_ended(ids, within=PATIENCE)
    return Result(
        headline=_headline(outcome, ended),
        sides=(
            Side(
                title="The saga",
                figures=tuple(figure(status, count) for status, count in sorted(ended.items())),
                tables=(_rows(ids),),
            ),
        ),
        checks=tuple(_checks(outcome, ids, ended)),
        correlations=tuple(ids),
    )


def _orders(visit: Visit, outcome: Outcome) -> list[CheckoutOrder]:
    if outcome is Outcome.LAST_ITEM_RACE:
        sku = list_product(visit, stock=1)
        return [order_of(visit.visitor, outcome, sku=sku) for _ in range(RACERS)]
    sku = SOLD_OUT if outcome is Outcome.OUT_OF_STOCK else USUAL
    return [order_of(visit.visitor, outcome, sku=sku)]


def _headline(outcome: Outcome, ended: Counter[str]) -> str:
    if ended["accepted"]:
        return f"{ended['accepted']} of {ended.total()} had not ended after {PATIENCE:.0f} s."
    if outcome is Outcome.LAST_ITEM_RACE:
        return (
            f"Of {ended.total()} checkouts for one item {ended['completed']} completed and "
            f"{ended['compensated']} were compensated."
        )
    return "It completed." if ended["completed"] else "It was compensated."


def _checks(outcome: Outcome, ids: Sequence[UUID], ended: Counter[str]) -> list[Check]:
    completed = 1 if outcome in (Outcome.SUCCESS, Outcome.LAST_ITEM_RACE) else 0
    return [
        check(
            "every saga ended",
            holds=not ended["accepted"],
            sentence=f"{ended.total() - ended['accepted']} of {ended.total()} have ended.",
        ),
        check(
            "it ended as it should",
            holds=ended["completed"] == completed,
            sentence=f"{ended['completed']} completed; {completed} should have.",
        ),
        nothing_left(left_open(ids)),
    ]


def _rows(ids: Sequence[UUID]) -> Table:
    columns = ("id ends in", "state", "updated (UTC)", "reason")
    return table("checkout", "The saga’s row", columns, read("checkout", list_sagas, ids))


DEMO: Final = demo(
    "checkout",
    controls=(
        Choice(
            "outcome",
            "What happens",
            (
                (Outcome.SUCCESS.value, "a good card, and something in stock"),
                (Outcome.OUT_OF_STOCK.value, "the product is sold out"),
                (Outcome.DECLINED.value, "the card is declined"),
                (Outcome.PROVIDER_SILENT.value, "the provider never answers"),
                (Outcome.LATE_SUCCESS.value, "the provider answers too late"),
                (Outcome.LAST_ITEM_RACE.value, f"{RACERS} checkouts race for the last item"),
            ),
        ),
    ),
    run=run,
    code=(engine, accept_checkouts),
    seconds=12,
)
