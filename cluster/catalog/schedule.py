"""The scheduled work of catalog: restock, and let abandoned reservations expire."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from cluster.catalog.contract import ProductRestocked, ReservationExpired
from cluster.catalog.domain.product import ReservationState
from cluster.catalog.repository import (
    lock_expired,
    lock_stock,
    product_digest_renewed,
    save_reservations,
    save_stock,
)
from cluster.messaging.envelope import new_message_id
from cluster.messaging.work import UnitOfWork

# A product with less than a quarter of its `restock_to` available is filled up to it.
_DIGEST: Final = product_digest_renewed(
    listed="product.listed + product.restock_to - product.available",
    version="product.version + 1",
)
RESTOCK: Final = f"""
    UPDATE product
       SET available = restock_to, listed = listed + restock_to - product.available,
           version = version + 1, digest = {_DIGEST}
      FROM (SELECT id, available FROM product
             WHERE restock_to > 0 AND available < restock_to / 4
             ORDER BY sku FOR UPDATE) AS short
     WHERE product.id = short.id
    RETURNING product.id, sku, restock_to - short.available
"""  # noqa: S608


def restock(work: UnitOfWork) -> None:
    """Bring in items of the products that run low."""
    work.cursor.execute(RESTOCK.encode())
    for id_, sku, quantity in work.cursor.fetchall():
        work.send(
            ProductRestocked(sku=sku, quantity=quantity),
            subject_id=id_,
            correlation=new_message_id(),
        )


def expire_reservations(work: UnitOfWork) -> None:
    """Make the items of expired reservations available again."""
    expired = lock_expired(work)
    if not expired:
        return
    stocks = lock_stock(work, [reservation.sku for reservation in expired.values()])
    for id_, reservation in expired.items():
        stocks[reservation.sku] = stocks[reservation.sku].release(reservation.quantity)
        work.send(
            ReservationExpired(sku=reservation.sku, quantity=reservation.quantity),
            subject_id=id_,
            correlation=id_,
        )
    save_stock(work, list(stocks.values()))
    save_reservations(
        work,
        {
            id_: replace(r, state=ReservationState.EXPIRED, version=r.version + 1)
            for id_, r in expired.items()
        },
    )
