"""The site's read model of the products, and their owners. Without Django."""

from __future__ import annotations

from typing import Final, NamedTuple
from uuid import UUID

from cluster.secrets.postgres import Cursor

SHELF: Final = "SELECT sku, price, restocked FROM product ORDER BY sku"
IS_LISTED: Final = "SELECT EXISTS (SELECT FROM product WHERE sku = %s)"
OWN: Final = "SELECT id FROM own_product WHERE sku = %s"


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
    row = cursor.execute(OWN, (sku,)).fetchone()
    return row[0] if row else None
