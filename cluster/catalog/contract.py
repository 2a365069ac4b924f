"""The contract of catalog: products, and the reservation of a checkout."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from cluster.catalog.domain.product import RESERVATION_LIFE
from cluster.messaging.contract import Payload, command, event

LONGEST_LIFE: Final = int(RESERVATION_LIFE.total_seconds())


@command("catalog.list_product.v1", aggregate="product")
class ListProduct(Payload, frozen=True):
    """Offer a new product with `stock` items at `price` pence.

    `restock_to` 0: never restocked.
    """

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


@command("catalog.amend_product.v1", aggregate="product")
class AmendProduct(Payload, frozen=True):
    """Call a product `name` at `price` pence, if its version still is `expected_version`."""

    sku: str
    expected_version: int
    name: Annotated[str, msgspec.Meta(min_length=1)]
    price: Annotated[int, msgspec.Meta(ge=1)]


@event("catalog.product_amended.v1", aggregate="product")
class ProductAmended(Payload, frozen=True):
    sku: str
    version: int
    name: str
    price: int


# Of an aggregate of its own, since a refusal leaves the product's version as it was.
@event("catalog.product_amendment_refused.v1", aggregate="amendment")
class ProductAmendmentRefused(Payload, frozen=True):
    """An amendment changed nothing, and the product is still as described here.

    Of an unknown product the version is 0.
    """

    sku: str
    version: int
    name: str
    price: int
    reason: str


@command("catalog.reserve_stock.v1", aggregate="reservation")
class ReserveStock(Payload, frozen=True):
    """Set `quantity` items aside until the reservation is sold or released, or has expired.

    `expires_in` is the longest time in seconds, for a sender that needs less than the full one.
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
    """A checkout completed, and its reservation became a sale."""

    sku: str
    quantity: int


@event("catalog.stock_returned.v1", aggregate="refund")
class StockReturned(Payload, frozen=True):
    """A refund was paid, and its items are for sale again."""

    sku: str
    quantity: int


@event("catalog.visitor_erased.v1", aggregate="erasure")
class CatalogVisitorErased(Payload, frozen=True):
    """The receipt of catalog, which keeps no data of a visitor, so that `rows` is 0."""

    attempt: int
    rows: int
