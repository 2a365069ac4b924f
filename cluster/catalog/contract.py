"""What catalog publishes: products, and the reservation of a checkout."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from cluster.catalog.domain.stock import RESERVATION_LIFE
from cluster.messaging.contract import Payload, command, event

LONGEST_LIFE: Final = int(RESERVATION_LIFE.total_seconds())


@command("catalog.list_product.v1", aggregate="product")
class ListProduct(Payload, frozen=True):
    """Offer a new product with `stock` items at `price` pence. `restock_to` 0: never restocked."""

    sku: str
    name: str
    price: int
    stock: int
    restock_to: int = 0


@event("catalog.product_listed.v1", aggregate="product")
class ProductListed(Payload, frozen=True):
    sku: str
    name: str
    price: int
    stock: int


@event("catalog.product_restocked.v1", aggregate="product")
class ProductRestocked(Payload, frozen=True):
    sku: str
    quantity: int


@command("catalog.reserve_stock.v1", aggregate="reservation")
class ReserveStock(Payload, frozen=True):
    """Set `quantity` items aside until the reservation is sold or released, or has expired.

    `expires_in` is in seconds: how long at most, for whoever knows that it will be done earlier.
    """

    sku: str
    quantity: int
    expires_in: Annotated[int, msgspec.Meta(ge=1, le=LONGEST_LIFE)] = LONGEST_LIFE


@command("catalog.release_stock.v1", aggregate="reservation")
class ReleaseStock(Payload, frozen=True):
    """Compensation of ReserveStock."""

    reason: str


@event("catalog.stock_reserved.v1", aggregate="reservation")
class StockReserved(Payload, frozen=True):
    sku: str
    quantity: int


@event("catalog.stock_refused.v1", aggregate="reservation")
class StockRefused(Payload, frozen=True):
    sku: str
    quantity: int
    reason: str


@event("catalog.stock_released.v1", aggregate="reservation")
class StockReleased(Payload, frozen=True):
    sku: str
    quantity: int


@event("catalog.reservation_expired.v1", aggregate="reservation")
class ReservationExpired(Payload, frozen=True):
    sku: str
    quantity: int


@event("catalog.stock_sold.v1", aggregate="sale")
class StockSold(Payload, frozen=True):
    """The checkout completed: its reservation became a sale."""

    sku: str
    quantity: int


@event("catalog.stock_returned.v1", aggregate="refund")
class StockReturned(Payload, frozen=True):
    """A refund was paid: its items are for sale again."""

    sku: str
    quantity: int


@event("catalog.visitor_erased.v1", aggregate="erasure")
class CatalogVisitorErased(Payload, frozen=True):
    """Catalog keeps nothing of a visitor: `rows` is 0."""

    attempt: int
    rows: int
