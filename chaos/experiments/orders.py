"""The orders of an experiment's load: one list for each profile."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Final
from uuid import UUID

from chaos.experiments.profile import Profile
from cluster.catalog.contract import ListProduct
from cluster.messaging.envelope import new_message_id
from cluster.messaging.work import UnitOfWork
from cluster.operations.checkout_client import CheckoutClient
from cluster.operations.plan import Wanted
from cluster.storefront.checkout_intake import CheckoutOrder
from cluster.storefront.transactions import run_in_transaction
from compose.errors import PlainError
from config.waiting import wait_until

STORMED: Final = 25  # checkouts of a retry storm
BUYERS: Final = 60  # of a flash sale
ON_SALE: Final = 8  # items of a flash sale
SALE_PRICE: Final = 1_500  # pence
POISONED_EVERY: Final = 5  # orders
# The visitors whose orders the fault `poison-order` makes inapplicable.
POISONED: Final = "poisoned-"

PATIENCE: Final = 30.0  # seconds for a new product to be on the shelf
LOOK_EVERY: Final = 0.1  # seconds
ON_SHELF: Final = "SELECT 1 FROM product WHERE sku = %s"


def orders_for(profile: Profile, *, most: int) -> list[CheckoutOrder]:
    """Return the orders in the sequence in which they are started.

    `most` limits a load that the clock ends. Raises PlainError when there is nothing to sell,
    and DatabaseUnavailable.
    """
    counter = CheckoutClient()
    match profile:
        case Profile.STEADY:
            return counter.order(Wanted.SUCCESS, count=most, sku=None, quantity=1)
        case Profile.MIXED:
            return counter.order(Wanted.MIXED, count=most, sku=None, quantity=1)
        case Profile.POISON:
            return _poisoned(counter.order(Wanted.SUCCESS, count=most, sku=None, quantity=1))
        case Profile.RETRY_STORM:
            return counter.order(Wanted.SUCCESS, count=STORMED, sku=None, quantity=1)
        case Profile.FLASH_SALE:
            sku = _put_on_sale()
            return [
                CheckoutOrder(visitor=f"buyer-{secrets.token_hex(6)}", sku=sku)
                for _ in range(BUYERS)
            ]


def _poisoned(orders: list[CheckoutOrder]) -> list[CheckoutOrder]:
    return [
        replace(order, visitor=f"{POISONED}{secrets.token_hex(6)}")
        if number % POISONED_EVERY == 0
        else order
        for number, order in enumerate(orders, start=1)
    ]


def _put_on_sale() -> str:
    """List a product with few items, and return its SKU, once the site knows it."""
    identifier = new_message_id()
    sku = f"SALE-{identifier.hex[-8:].upper()}"
    run_in_transaction(lambda work: _list(work, sku, identifier))
    wait_until(
        lambda: run_in_transaction(lambda work: _is_on_shelf(work, sku)),
        within=PATIENCE,
        every=LOOK_EVERY,
        failure=PlainError(f"The catalog has not listed {sku} within {PATIENCE:.0f} s."),
    )
    return sku


def _list(work: UnitOfWork, sku: str, identifier: UUID) -> None:
    product = ListProduct(sku=sku, name="Of the flash sale", price=SALE_PRICE, stock=ON_SALE)
    work.send(product, subject_id=identifier, correlation=identifier)


def _is_on_shelf(work: UnitOfWork, sku: str) -> bool:
    return work.cursor.execute(ON_SHELF, (sku,)).fetchone() is not None
