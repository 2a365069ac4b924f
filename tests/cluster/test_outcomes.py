"""The running cluster brings about every outcome that a caller can ask for."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from cluster.operations.plan import Wanted
from cluster.storefront.checkout_intake import InvalidRequest, accept_refund
from cluster.storefront.transactions import run_in_transaction
from tests.cluster.cluster import Cluster
from tests.conditions import eventually

pytestmark = pytest.mark.platform


STOPS_AT = {
    Wanted.OUT_OF_STOCK: "reserve_stock",
    Wanted.DECLINED: "authorise_payment",
    Wanted.PROVIDER_SILENT: "authorise_payment",
    Wanted.LATE_SUCCESS: "authorise_payment",
}


@pytest.fixture(scope="module")
def started(cluster: Cluster) -> dict[Wanted, list[UUID]]:
    """Four checkouts of each failing outcome, started together so that their deadlines overlap."""
    return {wanted: cluster.start_checkouts(4, wanted) for wanted in STOPS_AT}


def reasons(cluster: Cluster, ids: list[UUID]) -> set[str]:
    query = "SELECT failed_step FROM saga WHERE id = ANY(%s)"
    return {step for (step,) in cluster.rows("checkout", query, ids)}


def test_a_checkout_with_nothing_in_its_way_completes(cluster: Cluster) -> None:
    ids = cluster.start_checkouts(10)

    assert cluster.await_ended(ids) == {"completed": 10}


@pytest.mark.parametrize("wanted", STOPS_AT)
def test_a_checkout_that_cannot_go_on_is_compensated(
    cluster: Cluster, started: dict[Wanted, list[UUID]], wanted: Wanted
) -> None:
    ids = started[wanted]

    assert cluster.await_ended(ids) == {"compensated": 4}
    assert reasons(cluster, ids) == {STOPS_AT[wanted]}


def test_money_that_was_authorised_too_late_goes_back(
    cluster: Cluster, started: dict[Wanted, list[UUID]]
) -> None:
    late = started[Wanted.LATE_SUCCESS][0]
    cluster.await_ended([late])

    query = "SELECT account, amount FROM ledger_entry WHERE payment = %s ORDER BY id"
    booked = eventually(lambda: cluster.rows("payments", query, late), within=30.0)
    eventually(lambda: len(cluster.rows("payments", query, late)) == 4, within=30.0)

    booked = cluster.rows("payments", query, late)
    assert sum(amount for _, amount in booked) == 0
    by_account = {account: sum(a for name, a in booked if name == account) for account, _ in booked}
    assert set(by_account.values()) == {0}


def test_one_of_many_gets_the_last_item(cluster: Cluster) -> None:
    racers = cluster.start_checkouts(12, Wanted.LAST_ITEM_RACE)

    assert cluster.await_ended(racers) == {"completed": 1, "compensated": 11}


def test_a_refund_gives_money_stock_and_limit_back(cluster: Cluster) -> None:
    order = fulfilled_order(cluster)

    refund = ask_for_refund(order)

    eventually(lambda: state_of(cluster, "refund", refund) == "completed", within=30.0)
    assert state_of(cluster, "orders", order) == "refunded"
    returned = cluster.rows("catalog", "SELECT 1 FROM stock_return WHERE id = %s", refund)
    restored = cluster.rows("identity", "SELECT 1 FROM limit_restoration WHERE id = %s", refund)
    assert (len(returned), len(restored)) == (1, 1)


def test_a_second_refund_of_an_order_is_refused(cluster: Cluster) -> None:
    order = fulfilled_order(cluster)

    first, second = ask_for_refund(order), ask_for_refund(order)

    eventually(lambda: state_of(cluster, "refund", first) == "completed", within=30.0)
    assert state_of(cluster, "refund", second) == "refused"


def test_an_order_that_nobody_placed_cannot_be_refunded(cluster: Cluster) -> None:
    with pytest.raises(InvalidRequest, match="There is no order"):
        ask_for_refund(uuid4())


@pytest.mark.full  # in every run, tests/test_shared_platform.py asks this once for all
def test_everything_is_conserved_after_all_outcomes(cluster: Cluster) -> None:
    cluster.assert_conserved()


def ask_for_refund(order: UUID) -> UUID:
    return run_in_transaction(lambda work: accept_refund(work, order_id=order))


def fulfilled_order(cluster: Cluster) -> UUID:
    """Return the id of an order whose checkout the site shows as completed."""
    [order] = cluster.start_checkouts(1)
    cluster.await_ended([order])
    eventually(lambda: state_of(cluster, "orders", order) == "fulfilled")
    completed = "SELECT 1 FROM checkout_request WHERE id = %s AND status = 'completed'"
    eventually(lambda: cluster.rows("site", completed, order))
    return order


def state_of(cluster: Cluster, table: str, identifier: UUID) -> str | None:
    """Return the state of an order or a refund, in the tables of the orders service."""
    rows = cluster.rows("orders", f"SELECT state FROM {table} WHERE id = %s", identifier)
    return rows[0][0] if rows else None
