"""Products of a visitor's own: listed and amended by commands to catalog, through the outbox."""

from __future__ import annotations

import secrets
from typing import Final
from uuid import UUID

from cluster.catalog.contract import (
    AmendProduct,
    ListProduct,
    ProductAmended,
    ProductAmendmentRefused,
)
from cluster.messaging.envelope import Message, new_message_id
from cluster.messaging.work import UnitOfWork
from cluster.storefront.checkout_intake import InvalidRequest
from cluster.storefront.journal.answers import await_answer
from cluster.storefront.products.models import OWN
from cluster.storefront.transactions import run_in_transaction

MOST: Final = 10  # of one visitor
RANDOM: Final = 5  # bytes of an SKU: nothing in it leads to the visitor

COUNT: Final = "SELECT count(*) FROM own_product WHERE visitor = %s"
INSERT: Final = "INSERT INTO own_product (id, visitor, sku, listed_at) VALUES (%s, %s, %s, %s)"


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
