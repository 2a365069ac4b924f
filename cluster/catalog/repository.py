"""Reading and writing stock and reservations, a batch at a time."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Final
from uuid import UUID

from cluster.catalog.domain.product import RESERVATION_LIFE, Reservation, ReservationState, Stock
from cluster.messaging.row_digest import digest_of, renewed
from cluster.messaging.work import UnitOfWork


def product_digest(
    *,
    name: str = "product.name",
    price: str = "product.price",
    listed: str = "product.listed",
    version: str = "product.version",
) -> str:
    """Return the SQL expression of a product's digest.

    Each column is taken as it is, or as the argument says it is to be.
    """
    identity = ("product.id", "product.sku")
    return digest_of(*identity, name, price, listed, "product.restock_to", version)


def product_digest_renewed(**after: str) -> str:
    """Return the SQL expression of the digest of a product of which some columns change."""
    return renewed("product.digest", before=product_digest(), after=product_digest(**after))


LOCK_STOCK: Final = """
    SELECT sku, available, reserved, sold FROM product
     WHERE sku = ANY(%s) ORDER BY sku FOR UPDATE
"""
SAVE_STOCK: Final = """
    UPDATE product SET available = t.available, reserved = t.reserved, sold = t.sold
      FROM unnest(%b::text[], %b::bigint[], %b::bigint[], %b::bigint[])
        AS t (sku, available, reserved, sold)
     WHERE product.sku = t.sku
"""
LOCK_RESERVATIONS: Final = """
    SELECT id, sku, quantity, state, version FROM reservation
     WHERE id = ANY(%s) ORDER BY id FOR UPDATE
"""
LOCK_EXPIRED: Final = """
    SELECT id, sku, quantity, state, version FROM reservation
     WHERE state = 'reserved' AND expires_at < %s ORDER BY id LIMIT 500 FOR UPDATE SKIP LOCKED
"""
SAVE_RESERVATIONS: Final = """
    INSERT INTO reservation
        (id, sku, quantity, state, version, expires_at, created_at, updated_at)
    SELECT id, sku, quantity, state, version, expires_at, %s, %s
      FROM unnest(%b::uuid[], %b::text[], %b::bigint[], %b::text[], %b::int[], %b::timestamptz[])
        AS t (id, sku, quantity, state, version, expires_at)
    ON CONFLICT (id) DO UPDATE
       SET state = EXCLUDED.state, version = EXCLUDED.version, updated_at = EXCLUDED.updated_at
"""


def lock_stock(work: UnitOfWork, skus: Collection[str]) -> dict[str, Stock]:
    """Return the stock of these products, locked, without unknown ones."""
    work.cursor.execute(LOCK_STOCK, (sorted(set(skus)),))
    return {row[0]: Stock(*row) for row in work.cursor.fetchall()}


def save_stock(work: UnitOfWork, stocks: Collection[Stock]) -> None:
    work.cursor.execute(
        SAVE_STOCK,
        (
            [stock.sku for stock in stocks],
            [stock.available for stock in stocks],
            [stock.reserved for stock in stocks],
            [stock.sold for stock in stocks],
        ),
    )


def lock_reservations(work: UnitOfWork, ids: Collection[UUID]) -> dict[UUID, Reservation]:
    """Return the reservations that exist of these checkouts, locked."""
    work.cursor.execute(LOCK_RESERVATIONS, (list(ids),))
    return _reservations(work)


def lock_expired(work: UnitOfWork) -> dict[UUID, Reservation]:
    """Return at most 500 reservations that have expired, locked."""
    work.cursor.execute(LOCK_EXPIRED, (work.now,))
    return _reservations(work)


def _reservations(work: UnitOfWork) -> dict[UUID, Reservation]:
    return {
        id_: Reservation(sku, quantity, ReservationState(state), version)
        for id_, sku, quantity, state, version in work.cursor.fetchall()
    }


def save_reservations(
    work: UnitOfWork,
    reservations: Mapping[UUID, Reservation],
    *,
    lives: Mapping[UUID, timedelta] | None = None,
) -> None:
    """Store reservations.

    `lives` gives the time until new ones expire, which is fixed from then on.
    """
    lives = lives or {}
    work.cursor.execute(
        SAVE_RESERVATIONS,
        (
            work.now,
            work.now,
            list(reservations),
            [reservation.sku for reservation in reservations.values()],
            [reservation.quantity for reservation in reservations.values()],
            [reservation.state.value for reservation in reservations.values()],
            [reservation.version for reservation in reservations.values()],
            [work.now + lives.get(id_, RESERVATION_LIFE) for id_ in reservations],
        ),
    )
