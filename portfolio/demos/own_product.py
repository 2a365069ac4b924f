"""A product of the visitor's own for demos that amend one, listed once over the API."""

from __future__ import annotations

from typing import Any, Final

from cluster.storefront.checkout_intake import InvalidRequest
from cluster.storefront.products import is_listed
from portfolio.demos.demo import Visit
from portfolio.demos.expected import succeeded
from portfolio.demos.waiting import await_read

PATH: Final = "/api/v1/products"


def own_product(visit: Visit) -> str:
    """Return the path of a product of this visitor, and list one when there is none.

    Raises InvalidRequest when that is refused, or catalog does not list it in time.
    """
    own: list[Any] = succeeded(visit.call("GET", f"{PATH}?own=true&limit=1")).json()["items"]
    if own:
        return f"{PATH}/{own[0]['sku']}"
    listing = visit.call(
        "POST",
        PATH,
        body={"name": "Platform ticket", "price": 100, "stock": 10},
        headers={"Idempotency-Key": str(visit.run)},
    )
    sku: str = succeeded(listing).json()["sku"]
    if not await_read("site", is_listed, sku):
        raise InvalidRequest("Catalog has not listed the product in time; it may be away.")
    return f"{PATH}/{sku}"
