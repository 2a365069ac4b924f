"""The checkouts that a command starts for a wanted outcome."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict

import pytest

from cluster.identity.domain.limits import DEFAULT_LIMIT
from cluster.operations.plan import MOST_OF_ONE_VISITOR, SOLD_OUT, Wanted, outcomes, plan
from cluster.storefront.checkout_intake import CheckoutOrder, Outcome
from cluster.storefront.products import Listing

PRICES = {"MUG": 900, "WATCH": 5_900, SOLD_OUT: 500}
SHELF = [Listing(sku, price, sku != SOLD_OUT) for sku, price in PRICES.items()]


def planned(
    wanted: Wanted, count: int, *, sku: str | None = None, quantity: int = 1
) -> list[CheckoutOrder]:
    return plan(
        outcomes(wanted, count),
        shelf=SHELF,
        sku=sku,
        quantity=quantity,
        last_item="LAST-1",
        visitors=(f"visitor-{number}" for number in itertools.count()),
    )


def test_success_takes_the_products_of_the_shop_in_turn() -> None:
    assert [order.sku for order in planned(Wanted.SUCCESS, 4)] == ["MUG", "WATCH", "MUG", "WATCH"]


def test_a_named_product_is_taken_every_time() -> None:
    assert {order.sku for order in planned(Wanted.DECLINED, 3, sku="MUG")} == {"MUG"}


@pytest.mark.parametrize(
    ("wanted", "card"),
    [
        (Wanted.SUCCESS, "tok_ok"),
        (Wanted.DECLINED, "tok_declined"),
        (Wanted.PROVIDER_SILENT, "tok_silent"),
        (Wanted.LATE_SUCCESS, "tok_late"),
    ],
)
def test_the_card_brings_the_outcome_about(wanted: Wanted, card: str) -> None:
    assert planned(wanted, 1)[0].card == card


def test_out_of_stock_asks_for_what_is_sold_out() -> None:
    assert {order.sku for order in planned(Wanted.OUT_OF_STOCK, 2)} == {SOLD_OUT}


def test_racers_are_different_visitors_after_one_item() -> None:
    orders = planned(Wanted.LAST_ITEM_RACE, 3, quantity=5)
    assert {(order.sku, order.quantity) for order in orders} == {("LAST-1", 1)}
    assert len({order.visitor for order in orders}) == 3


def test_ten_mixed_checkouts_show_every_outcome() -> None:
    assert set(outcomes(Wanted.MIXED, 10)) == set(Outcome)


@pytest.mark.parametrize("count", range(1, 31))
def test_a_race_never_has_a_single_racer(count: int) -> None:
    chosen = outcomes(Wanted.MIXED, count)
    assert len(chosen) == count
    assert Counter(chosen)[Outcome.LAST_ITEM_RACE] != 1


def test_visitors_buy_several_times_within_their_limit() -> None:
    spent: defaultdict[str, int] = defaultdict(int)
    times: Counter[str] = Counter()
    for order in planned(Wanted.SUCCESS, 200, quantity=3):
        spent[order.visitor] += PRICES[order.sku] * order.quantity
        times[order.visitor] += 1
    assert max(spent.values()) <= DEFAULT_LIMIT
    assert 1 < max(times.values()) <= MOST_OF_ONE_VISITOR


def test_what_nobody_can_afford_is_asked_for_all_the_same() -> None:
    orders = planned(Wanted.SUCCESS, 2, sku="WATCH", quantity=100)
    assert len({order.visitor for order in orders}) == 2
