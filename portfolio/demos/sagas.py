"""Functions that several demos share: a product to buy, checkouts, and their ends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from cluster.catalog.contract import ListProduct
from cluster.messaging.envelope import new_message_id
from cluster.messaging.work import UnitOfWork
from cluster.storefront.admission import TooManyRequests
from cluster.storefront.checkout_intake import (
    CheckoutOrder,
    InvalidRequest,
    Outcome,
    accept_checkouts,
)
from cluster.storefront.journal.answers import await_that
from cluster.storefront.transactions import run_in_transaction
from cluster.storefront.visitor_limit import limit_visitor
from portfolio.demos.demo import Visit

USUAL: Final = "MUG-ENAMEL"
STATES: Final = "SELECT status FROM checkout_request WHERE id = ANY (%s)"
LISTED: Final = "SELECT 1 FROM product WHERE sku = %s"


def list_product(visit: Visit, *, stock: int, price: int = 100, name: str = "A demo’s item") -> str:
    """Have catalog list a product for this run alone, never restocked, and return its SKU.

    Raises InvalidRequest when catalog does not answer in time.
    """
    sku = f"DEMO-{visit.run.hex[-12:].upper()}"
    product = ListProduct(sku=sku, name=name, price=price, stock=stock)
    run_in_transaction(
        lambda work: work.send(product, subject_id=visit.run, correlation=new_message_id())
    )
    if await_that(lambda work: _first(work, LISTED, sku)) is None:
        raise InvalidRequest("Catalog has not listed the product in time; it may be away.")
    return sku


def begin(orders: Sequence[CheckoutOrder]) -> list[UUID]:
    """Have checkouts accepted, all in one transaction, and return their ids.

    Raises InvalidRequest when the visitor has started too many lately.
    """

    def accept(work: UnitOfWork) -> list[UUID]:
        limit_visitor(work, orders[0])
        return accept_checkouts(work, requests=orders)

    try:
        return run_in_transaction(accept)
    except TooManyRequests as error:
        raise InvalidRequest(str(error)) from error


def order_of(visitor: str, outcome: Outcome, *, sku: str = USUAL) -> CheckoutOrder:
    """Return an order of one item, with the card that leads to the outcome."""
    return CheckoutOrder(visitor=visitor, sku=sku, card=outcome.card, requested_outcome=outcome)


def await_ended(ids: Sequence[UUID], *, within: float) -> Counter[str]:
    """Return the number of checkouts in each status, once none is in flight or time is up."""
    ended = await_that(lambda work: _ended(work, ids), within=within)
    return ended if ended is not None else run_in_transaction(lambda work: _states(work, ids))


def _ended(work: UnitOfWork, ids: Sequence[UUID]) -> Counter[str] | None:
    states = _states(work, ids)
    return None if states["accepted"] else states


def _states(work: UnitOfWork, ids: Sequence[UUID]) -> Counter[str]:
    work.cursor.execute(STATES, (list(ids),))
    return Counter(status for (status,) in work.cursor.fetchall())


def _first(work: UnitOfWork, query: str, *parameters: object) -> bool | None:
    work.cursor.execute(query.encode(), parameters)
    return True if work.cursor.fetchone() else None
