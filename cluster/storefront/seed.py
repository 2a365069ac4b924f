"""The products that a new platform begins with.

They are listed by commands through the site's outbox, like any other work, so that a new cluster
proves its own pipeline first.
"""

from __future__ import annotations

import uuid
from typing import Final

from cluster.catalog.contract import ListProduct
from cluster.messaging.envelope import new_message_id
from cluster.messaging.queries import announced
from cluster.messaging.work import UnitOfWork

PRODUCTS: Final = (
    ListProduct(sku="MUG-ENAMEL", name="Enamel mug", price=900, stock=5_000, restock_to=5_000),
    ListProduct(sku="LAMP-OIL", name="Signal lamp", price=4_200, stock=5_000, restock_to=5_000),
    ListProduct(sku="BOOK-RULES", name="Rule book", price=1_450, stock=5_000, restock_to=5_000),
    ListProduct(sku="FLAG-GREEN", name="Green flag", price=650, stock=5_000, restock_to=5_000),
    ListProduct(
        sku="WATCH-POCKET", name="Guard's watch", price=5_900, stock=5_000, restock_to=5_000
    ),
    ListProduct(sku="SOLD-OUT", name="Last year's timetable", price=500, stock=0, restock_to=0),
)


def product_id(sku: str) -> uuid.UUID:
    """Return the id of a seeded product, the same on every start (UUIDv5 of its SKU)."""
    return uuid.uuid5(uuid.NAMESPACE_OID, f"product/{sku}")


def list_products(work: UnitOfWork) -> int:
    """Send a command for each product that was never sent and return the number sent."""
    products = {f"product/{product_id(product.sku)}": product for product in PRODUCTS}
    new = products.keys() - announced(work.cursor, list(products))
    for subject, product in products.items():
        if subject in new:
            identifier = product_id(product.sku)
            work.send(product, subject_id=identifier, correlation=new_message_id())
    return len(new)
