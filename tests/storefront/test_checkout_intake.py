"""The site accepts valid checkouts and refunds, and refuses others with one plain sentence."""

from __future__ import annotations

import pytest

from cluster.checkout.contract import StartCheckout
from cluster.messaging.envelope import new_message_id
from cluster.messaging.work import UnitOfWork
from cluster.orders.contract import RequestRefund
from cluster.storefront.checkout_intake import (
    CheckoutOrder,
    InvalidRequest,
    Outcome,
    accept_checkouts,
    accept_refund,
)

pytestmark = pytest.mark.platform


def status(work: UnitOfWork, identifier: object) -> tuple[object, ...] | None:
    work.cursor.execute(
        "SELECT status, amount, requested_outcome FROM checkout_request WHERE id = %s",
        (identifier,),
    )
    return work.cursor.fetchone()


def test_an_accepted_checkout_is_a_row_and_a_command_about_the_same_id(work: UnitOfWork) -> None:
    order = CheckoutOrder(visitor="v", sku="flag", quantity=3, requested_outcome=Outcome.DECLINED)
    assert accept_checkouts(work, requests=[order]) == [order.id]
    assert status(work, order.id) == ("accepted", 750, "declined")
    [sent] = work.outgoing
    assert (sent.subject_id, sent.correlation) == (order.id, order.id)
    assert sent.payload == StartCheckout(
        visitor="v", sku="flag", quantity=3, amount=750, card="tok_ok"
    )


def test_an_order_that_is_accepted_again_changes_nothing(work: UnitOfWork) -> None:
    order = CheckoutOrder(visitor="v", sku="flag")
    accept_checkouts(work, requests=[order])
    assert accept_checkouts(work, requests=[order]) == [order.id]
    assert len(work.outgoing) == 1


@pytest.mark.parametrize("quantity", [0, -1, 101, 1_000_000])
def test_a_quantity_out_of_bounds_is_refused(work: UnitOfWork, quantity: int) -> None:
    order = CheckoutOrder(visitor="v", sku="flag", quantity=quantity)
    with pytest.raises(InvalidRequest, match=f"between 1 and 100, not {quantity}"):
        accept_checkouts(work, requests=[order])


@pytest.mark.parametrize("sku", ["no-such-thing", "", "nul\0", "x" * 10_000])
def test_an_unknown_product_is_refused_with_those_there_are(work: UnitOfWork, sku: str) -> None:
    with pytest.raises(InvalidRequest, match=r"There is no product .*flag"):
        accept_checkouts(work, requests=[CheckoutOrder(visitor="v", sku=sku)])


def test_an_unknown_card_is_refused(work: UnitOfWork) -> None:
    with pytest.raises(InvalidRequest, match="'tok_gold' is unknown"):
        accept_checkouts(work, requests=[CheckoutOrder(visitor="v", sku="flag", card="tok_gold")])


@pytest.mark.parametrize("visitor", ["", "x" * 101, "nul\0"])
def test_a_visitor_without_a_proper_name_is_refused(work: UnitOfWork, visitor: str) -> None:
    with pytest.raises(InvalidRequest, match="1 to 100 printable"):
        accept_checkouts(work, requests=[CheckoutOrder(visitor=visitor, sku="flag")])


def test_one_wrong_order_keeps_all_from_being_accepted(work: UnitOfWork) -> None:
    good = CheckoutOrder(visitor="v", sku="flag")
    with pytest.raises(InvalidRequest):
        accept_checkouts(work, requests=[good, CheckoutOrder(visitor="v", sku="flag", quantity=0)])
    assert status(work, good.id) is None
    assert work.outgoing == []


def test_a_completed_checkout_can_be_refunded_once_for_each_refund_id(work: UnitOfWork) -> None:
    order = CheckoutOrder(visitor="v", sku="flag")
    accept_checkouts(work, requests=[order])
    work.cursor.execute(
        "UPDATE checkout_request SET status = 'completed' WHERE id = %s", (order.id,)
    )
    refund = accept_refund(work, order_id=order.id)
    assert accept_refund(work, order_id=order.id, refund_id=refund) == refund
    [_, sent] = work.outgoing
    assert sent.payload == RequestRefund(order=order.id)
    assert sent.subject_id == refund


def test_a_checkout_that_has_not_completed_is_not_refunded(work: UnitOfWork) -> None:
    order = CheckoutOrder(visitor="v", sku="flag")
    accept_checkouts(work, requests=[order])
    with pytest.raises(InvalidRequest, match="is accepted, not completed"):
        accept_refund(work, order_id=order.id)


def test_an_unknown_order_is_not_refunded(work: UnitOfWork) -> None:
    with pytest.raises(InvalidRequest, match="There is no order"):
        accept_refund(work, order_id=new_message_id())
