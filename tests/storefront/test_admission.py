"""The limit of open checkouts follows the rate at which they end, and holds at every intake."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.checkout.definition import CHECKOUT
from cluster.messaging.envelope import new_message_id
from cluster.messaging.work import UnitOfWork
from cluster.storefront.admission import (
    ENDS_WITHIN,
    INITIAL,
    LEAST,
    LONGEST_WINDOW,
    MOST,
    REFUSED,
    RETRY_AFTER,
    WINDOW,
    Overloaded,
    Room,
    next_limit,
    read_room,
    record_ended,
)
from cluster.storefront.checkout_intake import (
    CheckoutOrder,
    accept_checkouts,
    accept_portion,
    register_checkout,
)
from cluster.storefront.transactions import run_in_transaction
from tests.site_work import record_checkouts

SECONDS = int(ENDS_WITHIN.total_seconds())

limits = st.integers(LEAST, MOST)
counts = st.integers(0, 10 * MOST)


def test_all_steps_of_what_is_open_have_the_deadline_of_one_to_end() -> None:
    assert max(step.deadline for step in CHECKOUT.steps) == ENDS_WITHIN


@given(limits, counts, counts)
def test_the_limit_never_leaves_its_bounds(limit: int, ended: int, open_now: int) -> None:
    assert LEAST <= next_limit(limit, ended=ended, window=WINDOW, open_now=open_now) <= MOST


@given(st.integers(LEAST // SECONDS + 1, MOST // SECONDS), limits)
def test_under_steady_overload_it_settles_at_the_rate_times_the_time_to_end(
    rate: int, limit: int
) -> None:
    for _ in range(60):
        ended = rate * int(WINDOW.total_seconds())
        limit = next_limit(limit, ended=ended, window=WINDOW, open_now=limit)
    assert abs(limit - rate * SECONDS) <= 1


@given(limits, st.integers(0, LEAST // SECONDS))
def test_a_lower_rate_with_little_open_says_nothing(limit: int, rate: int) -> None:
    calm = next_limit(limit, ended=2 * rate, window=WINDOW, open_now=rate * SECONDS)
    assert calm == limit


def test_a_group_is_admitted_while_it_fits_and_a_large_one_counts_as_half_the_limit() -> None:
    assert Room(limit=200, open=150).admits(50)
    assert not Room(limit=200, open=150).admits(51)
    assert Room(limit=200, open=100).admits(5_000)
    assert not Room(limit=200, open=101).admits(5_000)


@given(limits, counts, st.integers(1, 10_000))
def test_portions_leave_room_for_others(limit: int, open_now: int, wanted: int) -> None:
    portion = Room(limit=limit, open=open_now).portion(wanted)
    assert 0 <= portion <= wanted
    assert portion == 0 or open_now + 2 * portion - 1 <= 0.9 * limit


def test_two_that_take_portions_in_turn_get_about_as_much() -> None:
    taken = [0, 0]
    for number in range(100):  # 50 checkouts end between two portions
        taken[number % 2] += Room(limit=500, open=400).portion(10_000)
    assert taken[0] == taken[1] > 0


@pytest.mark.parametrize(("open_now", "seconds"), [(500, RETRY_AFTER), (1_000, 2 * RETRY_AFTER)])
def test_a_refusal_says_when_some_should_have_ended(open_now: int, seconds: int) -> None:
    refusal = Overloaded(Room(limit=500, open=open_now), refused=1)
    assert (refusal.status, refusal.retry_after) == (503, seconds)
    assert f"Try again in {seconds} s." in str(refusal)


def set_row(work: UnitOfWork, *, limit: int, ended: int = 0, seconds: float = 0.0) -> None:
    """Write the row of the limit, with a window that began `seconds` ago."""
    work.cursor.execute("DELETE FROM admission")
    work.cursor.execute(
        "INSERT INTO admission (id, checkout_limit, ended, window_began) VALUES (1, %s, %s, %s)",
        (limit, ended, work.now - timedelta(seconds=seconds)),
    )


def open_checkouts(work: UnitOfWork, count: int, *, limit: int = LEAST) -> None:
    """Leave `count` checkouts open of `limit`, besides the few that the ambient load starts."""
    # The rows are locked in the same order as the journal locks them, which prevents a deadlock.
    work.cursor.execute(
        "UPDATE checkout_request SET status = 'completed' WHERE status = 'accepted'"
    )
    record_checkouts(work, [new_message_id() for _ in range(count)])
    set_row(work, limit=limit)


def orders(count: int) -> list[CheckoutOrder]:
    return [CheckoutOrder(visitor="v", sku="flag") for _ in range(count)]


@pytest.mark.platform
def test_a_full_cluster_accepts_nothing_and_announces_nothing(shop: UnitOfWork) -> None:
    open_checkouts(shop, LEAST)
    with pytest.raises(Overloaded, match="have not ended yet"):
        accept_checkouts(shop, requests=orders(1))
    with pytest.raises(Overloaded):
        register_checkout(shop, request=orders(1)[0])
    assert accept_portion(shop, requests=orders(5)) == 0
    assert shop.outgoing == []


@pytest.mark.platform
def test_what_was_accepted_before_is_so_however_full_it_is_now(shop: UnitOfWork) -> None:
    known = orders(3)
    open_checkouts(shop, 0)
    accept_checkouts(shop, requests=known)
    open_checkouts(shop, LEAST)
    assert accept_checkouts(shop, requests=known) == [order.id for order in known]
    assert accept_portion(shop, requests=[*known, *orders(2)]) == len(known)
    assert len(shop.outgoing) == len(known)


@pytest.mark.platform
def test_a_portion_is_what_there_is_room_for(shop: UnitOfWork) -> None:
    open_checkouts(shop, LEAST // 2)
    accepted = accept_portion(shop, requests=orders(LEAST))
    most = Room(limit=LEAST, open=LEAST // 2).portion(LEAST)
    assert 0 < accepted <= most < LEAST
    assert len(shop.outgoing) == accepted


@pytest.mark.platform
@pytest.mark.parametrize(
    ("seconds", "ended", "expected"),
    [
        (0.5, 1_000, INITIAL),  # the window is still open
        (WINDOW.total_seconds(), 1_000, INITIAL + 1_125),  # 500 a second: a quarter of the way
        (WINDOW.total_seconds(), 100, INITIAL),  # few ended, since few are open
        (LONGEST_WINDOW.total_seconds() + 1, 10_000, INITIAL),  # there was a pause
    ],
)
def test_the_limit_is_set_at_the_end_of_a_window(
    shop: UnitOfWork, seconds: float, ended: int, expected: int
) -> None:
    open_checkouts(shop, 10)
    set_row(shop, limit=INITIAL, ended=ended - 1, seconds=seconds)
    record_ended(shop, 1)
    assert read_room(shop).limit == expected


@pytest.mark.platform
def test_a_window_of_a_clock_that_was_set_back_ends_at_once(shop: UnitOfWork) -> None:
    open_checkouts(shop, 10)
    set_row(shop, limit=INITIAL, ended=999, seconds=-3600.0)
    record_ended(shop, 1)
    row = shop.cursor.execute("SELECT checkout_limit, ended FROM admission").fetchone()
    assert row == (INITIAL, 0)


@pytest.mark.platform
def test_without_a_measurement_the_limit_is_the_initial_one(shop: UnitOfWork) -> None:
    shop.cursor.execute("DELETE FROM admission")
    assert read_room(shop).limit == INITIAL
    record_ended(shop, 7)
    row = shop.cursor.execute("SELECT checkout_limit, ended FROM admission").fetchone()
    assert row == (INITIAL, 7)


@pytest.mark.platform
def test_a_refusal_is_counted_although_its_transaction_is_undone(platform: Any) -> None:
    def refused(work: UnitOfWork) -> int:
        row = work.cursor.execute("SELECT value FROM counter WHERE name = %s", (REFUSED,))
        return int((row.fetchone() or (0,))[0])

    def refuse(_work: UnitOfWork) -> Sequence[UUID]:
        raise Overloaded(Room(limit=1, open=1), refused=3)

    before = run_in_transaction(refused)
    with pytest.raises(Overloaded):
        run_in_transaction(refuse)
    assert run_in_transaction(refused) >= before + 3
