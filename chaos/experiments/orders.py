"""The orders of an experiment's load: one list for each profile."""

from __future__ import annotations

import secrets
from contextlib import closing
from dataclasses import replace
from typing import Final

from chaos.experiments.experiment import Profile
from cluster.operations.checkout_client import CheckoutClient
from cluster.operations.plan import Wanted
from cluster.storefront.checkout_intake import CheckoutOrder

STORMED: Final = 25  # checkouts of a retry storm
BUYERS: Final = 60  # of a flash sale
ON_SALE: Final = 8  # items of a flash sale
SALE_PRICE: Final = 1_500  # pence
POISONED_EVERY: Final = 5  # orders
# The visitors whose orders the fault `poison-order` makes inapplicable.
POISONED: Final = "poisoned-"


def orders_for(profile: Profile, *, most: int) -> list[CheckoutOrder]:
    """Return the orders in the sequence in which they are started.

    `most` limits a load that the clock ends. Raises PlainError when there is nothing to sell,
    and DatabaseUnavailable.
    """
    client = CheckoutClient()
    if profile is Profile.FLASH_SALE:
        sku = client.list_product("SALE", name="Of the flash sale", price=SALE_PRICE, stock=ON_SALE)
        return [
            CheckoutOrder(visitor=f"buyer-{secrets.token_hex(6)}", sku=sku) for _ in range(BUYERS)
        ]
    wanted = Wanted.MIXED if profile is Profile.MIXED else Wanted.SUCCESS
    count = STORMED if profile is Profile.RETRY_STORM else most
    orders = client.order(wanted, count=count, sku=None, quantity=1)
    return _poisoned(orders) if profile is Profile.POISON else orders


def order_of(visitor: str) -> CheckoutOrder:
    """Return an order of one visitor that should complete.

    Raises PlainError when there is nothing to sell, and DatabaseUnavailable.
    """
    with closing(CheckoutClient()) as client:
        [order] = client.order(Wanted.SUCCESS, count=1, sku=None, quantity=1)
    return replace(order, visitor=visitor)


def _poisoned(orders: list[CheckoutOrder]) -> list[CheckoutOrder]:
    return [
        replace(order, visitor=f"{POISONED}{secrets.token_hex(6)}")
        if number % POISONED_EVERY == 0
        else order
        for number, order in enumerate(orders, start=1)
    ]
