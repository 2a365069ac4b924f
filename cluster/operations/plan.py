"""The choice of checkouts for a wanted outcome, without any I/O."""

from __future__ import annotations

import enum
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from cluster.identity.domain.limits import DEFAULT_LIMIT
from cluster.storefront.checkout_intake import CheckoutOrder, Outcome
from cluster.storefront.products import Listing

SOLD_OUT: Final = "SOLD-OUT"  # a seeded product without stock
MOST_OF_ONE_VISITOR: Final = 8
FEWEST_RACERS: Final = 2


class Wanted(enum.StrEnum):
    """The values of `manage.py checkout --outcome`: one outcome, or all of them in turn."""

    SUCCESS = Outcome.SUCCESS
    OUT_OF_STOCK = Outcome.OUT_OF_STOCK
    DECLINED = Outcome.DECLINED
    PROVIDER_SILENT = Outcome.PROVIDER_SILENT
    LATE_SUCCESS = Outcome.LATE_SUCCESS
    LAST_ITEM_RACE = Outcome.LAST_ITEM_RACE
    MIXED = "mixed"


# Mostly common outcomes. Ten checkouts have every outcome, the race with two racers.
MIXTURE: Final = (
    Outcome.SUCCESS,
    Outcome.DECLINED,
    Outcome.LAST_ITEM_RACE,
    Outcome.SUCCESS,
    Outcome.LAST_ITEM_RACE,
    Outcome.OUT_OF_STOCK,
    Outcome.SUCCESS,
    Outcome.PROVIDER_SILENT,
    Outcome.SUCCESS,
    Outcome.LATE_SUCCESS,
)


def outcomes(wanted: Wanted, count: int) -> list[Outcome]:
    """Return the outcome of each of `count` checkouts.

    A race never has a single racer.
    """
    if wanted is not Wanted.MIXED:
        return [Outcome(wanted.value)] * count
    found = list(itertools.islice(itertools.cycle(MIXTURE), count))
    if found.count(Outcome.LAST_ITEM_RACE) == 1:
        found[found.index(Outcome.LAST_ITEM_RACE)] = Outcome.SUCCESS
    return found


def plan(
    wanted: Sequence[Outcome],
    *,
    shelf: Sequence[Listing],
    sku: str | None,
    quantity: int,
    last_item: str | None,
    visitors: Iterable[str],
) -> list[CheckoutOrder]:
    """Return one order for each wanted outcome.

    `last_item` is the product that racers want. Visitors buy several times each, within their
    spending limit; racers once.
    """
    prices = {listing.sku: listing.price for listing in shelf}
    restocked = sorted(listing.sku for listing in shelf if listing.restocked)
    products = itertools.cycle([sku] if sku else restocked)
    shoppers = _Shoppers(iter(visitors))
    orders = []
    for outcome in wanted:
        wants, items = _basket(outcome, products, quantity, last_item)
        amount = prices.get(wants, 0) * items
        orders.append(
            CheckoutOrder(
                visitor=shoppers.next_for(amount, alone=outcome is Outcome.LAST_ITEM_RACE),
                sku=wants,
                quantity=items,
                card=outcome.card,
                requested_outcome=outcome,
            )
        )
    return orders


def _basket(
    outcome: Outcome, products: Iterator[str], quantity: int, last_item: str | None
) -> tuple[str, int]:
    if outcome is Outcome.OUT_OF_STOCK:
        return SOLD_OUT, quantity
    if outcome is Outcome.LAST_ITEM_RACE:
        assert last_item is not None, "a race needs something to race for"
        return last_item, 1
    return next(products), quantity


class _Shoppers:
    """Gives each order a visitor who can still afford it."""

    def __init__(self, names: Iterator[str]) -> None:
        self._names = names
        self._visitor = ""
        self._left = 0
        self._orders = 0

    def next_for(self, amount: int, *, alone: bool) -> str:
        if alone:
            return next(self._names)
        if not self._visitor or amount > self._left or self._orders == MOST_OF_ONE_VISITOR:
            self._visitor, self._left, self._orders = next(self._names), DEFAULT_LIMIT, 0
        self._left -= amount
        self._orders += 1
        return self._visitor
