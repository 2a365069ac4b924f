"""The site's read model of the products, and the products that visitors list. Without Django.

Visitors' own products are listed and amended by commands to catalog, through the outbox.
"""

from __future__ import annotations

import secrets
from typing import Final, NamedTuple
from uuid import UUID

from cluster.catalog.contract import (
    AmendProduct,
    ListProduct,
    ProductAmended,
    ProductAmendmentRefused,
)
from cluster.messaging.envelope import Message, new_message_id
from cluster.messaging.work import UnitOfWork
from cluster.secrets.postgres import Cursor
from cluster.storefront.checkout_intake import InvalidRequest
from cluster.storefront.journal.answers import await_answer
from cluster.storefront.transactions import run_in_transaction

# The beginnings of SKUs.
DEMO: Final = "DEMO-"  # of a demo's run
OWN: Final = "OWN-"  # of visitors' own products

MOST: Final = 10  # of one visitor
RANDOM: Final = 5  # bytes of an SKU: nothing in it leads to the visitor

COUNT: Final = "SELECT count(*) FROM own_product WHERE visitor = %s"
INSERT: Final = "INSERT INTO own_product (id, visitor, sku, listed_at) VALUES (%s, %s, %s, %s)"

SHELF: Final = "SELECT sku, price, restocked FROM product ORDER BY sku"
IS_LISTED: Final = "SELECT EXISTS (SELECT FROM product WHERE sku = %s)"
OWN_ID: Final = "SELECT id FROM own_product WHERE sku = %s"


class Listing(NamedTuple):
    """A product for sale, its price in pence, and whether catalog restocks it."""

    sku: str
    price: int
    restocked: bool


def shelf(cursor: Cursor) -> list[Listing]:
    """Return every product that the journal has recorded, those of visitors and demos too."""
    return [Listing(*row) for row in cursor.execute(SHELF)]


def restocked_products(cursor: Cursor) -> list[str]:
    """Return the SKUs of the products that never run out for long."""
    return [listing.sku for listing in shelf(cursor) if listing.restocked]


def is_listed(cursor: Cursor, sku: str) -> bool:
    """Return whether the site knows the product, so that it can be bought."""
    return cursor.execute(IS_LISTED, (sku,)).fetchone() == (True,)


def own_product_id(cursor: Cursor, sku: str) -> UUID | None:
    """Return catalog's id of a product that a visitor has listed, or None."""
    row = cursor.execute(OWN_ID, (sku,)).fetchone()
    return row[0] if row else None


def list_own(work: UnitOfWork, *, visitor: str, name: str, price: int, stock: int) -> str:
    """Record a visitor's product, ask catalog to list it, and return its SKU.

    It is never restocked. Raises InvalidRequest when the visitor has listed as many as allowed.
    """
    (count,) = work.cursor.execute(COUNT, (visitor,)).fetchone() or (0,)
    if count >= MOST:
        raise InvalidRequest(f"You have listed {count} products; that is all you may.")
    identifier = new_message_id()
    sku = f"{OWN}{secrets.token_hex(RANDOM).upper()}"
    work.cursor.execute(INSERT, (identifier, visitor, sku, work.now))
    product = ListProduct(sku=sku, name=name, price=price, stock=stock)
    work.send(product, subject_id=identifier, correlation=identifier)
    return sku


def amend(
    product: UUID, asked: AmendProduct
) -> Message[ProductAmended | ProductAmendmentRefused] | None:
    """Ask catalog to amend a product and return its answer, or None if it is late.

    Catalog may still amend the product then. The site's read model is as new as the answer. Raises
    DatabaseUnavailable.
    """
    correlation = new_message_id()

    def ask(work: UnitOfWork) -> None:
        work.send(asked, subject_id=product, correlation=correlation)

    run_in_transaction(ask)
    return await_answer(correlation, (ProductAmended, ProductAmendmentRefused))
