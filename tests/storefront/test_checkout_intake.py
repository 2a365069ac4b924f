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


def test_an_accepted_checkout_is_a_row_and_a_command_about_the_same_id(shop: UnitOfWork) -> None:
    order = CheckoutOrder(visitor="v", sku="flag", quantity=3, requested_outcome=Outcome.DECLINED)
    assert accept_checkouts(shop, requests=[order]) == [order.id]
    assert status(shop, order.id) == ("accepted", 750, "declined")
    [sent] = shop.outgoing
    assert (sent.subject_id, sent.correlation) == (order.id, order.id)
    assert sent.payload == StartCheckout(
        visitor="v", sku="flag", quantity=3, amount=750, card="tok_ok"
    )


def test_an_order_that_is_accepted_again_changes_nothing(shop: UnitOfWork) -> None:
    order = CheckoutOrder(visitor="v", sku="flag")
    accept_checkouts(shop, requests=[order])
    assert accept_checkouts(shop, requests=[order]) == [order.id]
    assert len(shop.outgoing) == 1


@pytest.mark.parametrize("quantity", [0, -1, 101, 1_000_000])
def test_a_quantity_out_of_bounds_is_refused(shop: UnitOfWork, quantity: int) -> None:
    order = CheckoutOrder(visitor="v", sku="flag", quantity=quantity)
    with pytest.raises(InvalidRequest, match=f"between 1 and 100, not {quantity}"):
        accept_checkouts(shop, requests=[order])


@pytest.mark.parametrize("sku", ["no-such-thing", "", "nul\0", "x" * 10_000])
def test_an_unknown_product_is_refused_with_those_there_are(shop: UnitOfWork, sku: str) -> None:
    with pytest.raises(InvalidRequest, match=r"There is no product .*flag"):
        accept_checkouts(shop, requests=[CheckoutOrder(visitor="v", sku=sku)])


def test_an_unknown_card_is_refused(shop: UnitOfWork) -> None:
    with pytest.raises(InvalidRequest, match="'tok_gold' is unknown"):
        accept_checkouts(shop, requests=[CheckoutOrder(visitor="v", sku="flag", card="tok_gold")])


@pytest.mark.parametrize("visitor", ["", "x" * 101, "nul\0"])
def test_a_visitor_without_a_proper_name_is_refused(shop: UnitOfWork, visitor: str) -> None:
    with pytest.raises(InvalidRequest, match="1 to 100 printable"):
        accept_checkouts(shop, requests=[CheckoutOrder(visitor=visitor, sku="flag")])


def test_one_wrong_order_keeps_all_from_being_accepted(shop: UnitOfWork) -> None:
    good = CheckoutOrder(visitor="v", sku="flag")
    with pytest.raises(InvalidRequest):
        accept_checkouts(shop, requests=[good, CheckoutOrder(visitor="v", sku="flag", quantity=0)])
    assert status(shop, good.id) is None
    assert shop.outgoing == []


def test_a_completed_checkout_can_be_refunded_once_for_each_refund_id(shop: UnitOfWork) -> None:
    order = CheckoutOrder(visitor="v", sku="flag")
    accept_checkouts(shop, requests=[order])
    shop.cursor.execute(
        "UPDATE checkout_request SET status = 'completed' WHERE id = %s", (order.id,)
    )
    refund = accept_refund(shop, order_id=order.id)
    assert accept_refund(shop, order_id=order.id, refund_id=refund) == refund
    [_, sent] = shop.outgoing
    assert sent.payload == RequestRefund(order=order.id)
    assert sent.subject_id == refund


def test_a_checkout_that_has_not_completed_is_not_refunded(shop: UnitOfWork) -> None:
    order = CheckoutOrder(visitor="v", sku="flag")
    accept_checkouts(shop, requests=[order])
    with pytest.raises(InvalidRequest, match="is accepted, not completed"):
        accept_refund(shop, order_id=order.id)


def test_an_unknown_order_is_not_refunded(shop: UnitOfWork) -> None:
    with pytest.raises(InvalidRequest, match="There is no order"):
        accept_refund(shop, order_id=new_message_id())
