"""Functions that several demos share: a product to buy, checkouts, and their ends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final, TypeVar
from uuid import UUID

from cluster.catalog.contract import ListProduct
from cluster.catalog.queries import ProductRow, product
from cluster.messaging.envelope import new_message_id
from cluster.messaging.work import UnitOfWork
from cluster.storefront.admission import TooManyRequests, limit_visitor
from cluster.storefront.checkout_intake import (
    CheckoutOrder,
    InvalidRequest,
    Outcome,
    accept_checkouts,
)
from cluster.storefront.journal.answers import await_that
from cluster.storefront.products import is_listed
from cluster.storefront.repository import statuses
from cluster.storefront.transactions import run_in_transaction
from portfolio.demos.demo import Visit
from portfolio.demos.queries import read

USUAL: Final = "MUG-ENAMEL"

Done = TypeVar("Done")


def list_product(visit: Visit, *, stock: int, price: int = 100, name: str = "A demo’s item") -> str:
    """Have catalog list a product for this run alone, never restocked, and return its SKU.

    Raises InvalidRequest when catalog does not answer in time.
    """
    sku = f"DEMO-{visit.run.hex[-12:].upper()}"
    listing = ListProduct(sku=sku, name=name, price=price, stock=stock)
    run_in_transaction(
        lambda work: work.send(listing, subject_id=visit.run, correlation=new_message_id())
    )
    if await_that(lambda work: is_listed(work.cursor, sku) or None) is None:
        raise InvalidRequest("Catalog has not listed the product in time; it may be away.")
    return sku


def shelf(sku: str) -> ProductRow:
    """Return catalog's row of a product that is listed."""
    row = read("catalog", product, sku)
    assert row is not None, "the demo has listed it"
    return row


def begin(orders: Sequence[CheckoutOrder], *, by: str | None = None) -> list[UUID]:
    """Have checkouts accepted, all in one transaction, and return their ids.

    They count for their visitor, or for `by`. Raises InvalidRequest when that one has started too
    many lately.
    """
    counted = orders[0] if by is None else CheckoutOrder(visitor=by, sku=USUAL)

    def accept(work: UnitOfWork) -> list[UUID]:
        limit_visitor(work, visitor=counted.visitor, checkout=counted.id)
        return accept_checkouts(work, requests=orders)

    return run_within_limits(accept)


def run_within_limits(act: Callable[[UnitOfWork], Done]) -> Done:
    """Run `act` in one transaction, and raise InvalidRequest when its visitor has to wait."""
    try:
        return run_in_transaction(act)
    except TooManyRequests as error:
        raise InvalidRequest(str(error)) from error


def order_of(visitor: str, outcome: Outcome, *, sku: str = USUAL) -> CheckoutOrder:
    """Return an order of one item, with the card that leads to the outcome."""
    return CheckoutOrder(visitor=visitor, sku=sku, card=outcome.card, requested_outcome=outcome)


def await_ended(ids: Sequence[UUID], *, within: float) -> Counter[str]:
    """Return the number of checkouts in each status, once none is in flight or time is up."""
    ended = await_that(lambda work: _ended(work, ids), within=within)
    return (
        ended if ended is not None else run_in_transaction(lambda work: statuses(work.cursor, ids))
    )


def _ended(work: UnitOfWork, ids: Sequence[UUID]) -> Counter[str] | None:
    states = statuses(work.cursor, ids)
    return None if states["accepted"] else states
