"""Rows of catalog, as others read them: products with their stock, and reservations."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from cluster.secrets.postgres import Cursor

PRODUCT: Final = """
    SELECT sku, version, name, price, listed, available, reserved, sold FROM product WHERE sku = %s
"""
RESERVATIONS: Final = """
    SELECT id, state, quantity, created_at, updated_at, expires_at
      FROM reservation WHERE id = ANY (%s) ORDER BY created_at
"""
COUNT_RESERVED: Final = (
    "SELECT count(*) FROM reservation WHERE id = ANY (%s) AND state = 'reserved'"
)


class ProductRow(NamedTuple):
    """A product, its price in pence, and its items: every one `listed` is in one of the others."""

    sku: str
    version: int
    name: str
    price: int
    listed: int
    available: int
    reserved: int
    sold: int

    @property
    def conserved(self) -> bool:
        return self.listed == self.available + self.reserved + self.sold


class ReservationRow(NamedTuple):
    """The reservation of one checkout (same id)."""

    id: UUID
    state: str
    quantity: int
    created_at: datetime
    updated_at: datetime
    expires_at: datetime


def product(cursor: Cursor, sku: str) -> ProductRow | None:
    """Return the product of this SKU, or None when it was never listed."""
    row = cursor.execute(PRODUCT, (sku,)).fetchone()
    return ProductRow(*row) if row else None


def reservations(cursor: Cursor, ids: Collection[UUID]) -> list[ReservationRow]:
    """Return the reservations of these checkouts, oldest first."""
    return [ReservationRow(*row) for row in cursor.execute(RESERVATIONS, (list(ids),))]


def count_reserved(cursor: Cursor, ids: Collection[UUID]) -> int:
    """Return how many of these checkouts still have items set aside."""
    (count,) = cursor.execute(COUNT_RESERVED, (list(ids),)).fetchone() or (0,)
    return int(count)
