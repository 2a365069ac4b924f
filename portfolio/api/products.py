"""Products of the shop and of visitors. A change must name the product's current version.

Sources: RFC 9110, 13.1.1 (If-Match); RFC 6585, 3 (428); RFC 9211 (Cache-Status).
"""

from __future__ import annotations

from datetime import datetime
from threading import BoundedSemaphore
from typing import Annotated, Any, Final

from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import parse_etags
from ninja import Path, Query, Router, Schema
from pydantic import Field

from articles.search import LONGEST_QUERY
from cluster.catalog.contract import AmendProduct, ProductAmended
from cluster.kit.visitors import address_key
from cluster.messaging.work import UnitOfWork
from cluster.secrets.django.reconnect import retry_on_disconnect
from cluster.storefront.models import JournalEntry, OwnProduct, Product
from cluster.storefront.products import DEMO, OWN, amend, list_own
from cluster.storefront.queries import found_in, sales_of
from portfolio.api.describe import told
from portfolio.api.idempotency import MOST_AT_ONCE, Answer, answer, once, turn
from portfolio.api.problems import (
    CHANGED_MEANWHILE,
    MATCH_MISSING,
    Problem,
    away,
    not_found,
    too_many,
)
from portfolio.api.product_cache import PRODUCT, STATISTICS, cache
from portfolio.api.rate_limits import LISTINGS, limit, limited
from portfolio.api.schemas import USUAL, WHOLE, Asked, Limit, Pence, filled
from portfolio.api.visitor import known_visitor
from portfolio.edge.rate_limit import FixedWindowLimiter

router = Router(tags=["Products"])

# Each waits with a connection of its own, and PostgreSQL allows sixty for all processes.
_turns: Final = BoundedSemaphore(MOST_AT_ONCE)
_of_visitors: Final = FixedWindowLimiter("amendments of a visitor", 120, 60)
# Three programs of one office at their full pace: no page amends but by a demo.
_of_addresses: Final = FixedWindowLimiter("amendments", 360, 60)

Sku = Annotated[
    str, Path(max_length=64, pattern="^[!-~]+$", description="The SKU.", examples=["MUG-ENAMEL"])
]
# Anything but control characters.
Name = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[^\x00-\x1f\x7f]+$")]
Price = Annotated[int, Field(ge=1, le=100_000, description="Pence.", examples=[1250]), WHOLE]


class ListingAsked(Asked):
    """A product of your own."""

    name: Name
    price: Price
    stock: Annotated[int, Field(ge=0, le=1_000), WHOLE] = 10


class AmendmentAsked(Asked):
    """The members to change. A member that is left out keeps its value."""

    name: Name | None = None
    price: Price | None = None


class Described(Schema):
    """A product as the service `catalog` has it."""

    sku: str
    name: str
    price: Pence
    version: int = Field(description="Counts what catalog has announced; the entity tag.")


class ProductShown(Described):
    """A product as the site knows it from the events of `catalog`."""

    restocked: bool
    fed_by: int = Field(description="The journal entry that told this version.")


class Sales(Schema):
    """Totals over the checkouts of a product that the site has accepted."""

    sku: str
    completed: int
    compensated: int
    under_way: int
    items: int = Field(description="Of the completed ones.")
    pence: Pence
    median_seconds: float | None = Field(description="From acceptance to completion.")
    computed_at: datetime


class ProductList(Schema):
    """One page of products, ordered by SKU, or by relevance when `q` was given."""

    items: list[ProductShown]
    next: str | None = Field(description="`after` of the next page; null on the last.")


class Listing(Schema):
    """A product that catalog has been asked to list."""

    sku: str
    name: str
    price: Pence
    stock: int
    accepted_at: datetime


@router.get(
    "/products",
    response=ProductList,
    summary="Products",
    description="What the shop sells, and what you have listed. Each says which journal entry it "
    "is known from.",
)
def list_products(
    request: HttpRequest,
    own: Annotated[bool, Query(description="Only those that you have listed.")] = False,
    limit: Limit = USUAL,
    after: Annotated[str, Query(max_length=64, pattern="^[!-~]*$", description="`next`.")] = "",
    q: Annotated[
        str,
        Query(
            max_length=LONGEST_QUERY,
            description="Words, or their beginnings; the best come first, and there is no next.",
            examples=["lamp"],
        ),
    ] = "",
) -> ProductList:
    """Return the products of the shop and of the visitor.

    A product of another visitor is found only by its SKU, with `get_product`.
    """
    mine = _own(known_visitor(request)).values("sku")
    shop = ~Q(sku__startswith=OWN) & ~Q(sku__startswith=DEMO)
    seen = Q(sku__in=mine) if own else Q(sku__in=mine) | shop
    products = Product.objects.filter(seen)
    if q:
        hits = retry_on_disconnect(lambda: list(found_in(products, q)[:limit]))
        return ProductList(items=[filled(ProductShown, row) for row in hits], next=None)
    found = products.filter(sku__gt=after).order_by("sku")
    rows = retry_on_disconnect(lambda: list(found[: limit + 1]))
    return ProductList(
        items=[filled(ProductShown, row) for row in rows[:limit]],
        next=rows[limit - 1].sku if len(rows) > limit else None,
    )


@router.post(
    "/products",
    response={202: Listing},
    summary="List a product of your own",
    description="You, and nobody else, may then amend it. It is never restocked.",
    openapi_extra=told(
        idempotent=True,
        limited=True,
        located=True,
        request_example={"name": "Platform ticket", "price": 20, "stock": 10},
    ),
)
@limited(LISTINGS)
def list_product(request: HttpRequest, asked: ListingAsked) -> HttpResponse:
    """Accept a listing. The product can be read once catalog has announced it."""

    def accept(work: UnitOfWork, visitor: str) -> Answer:
        limit(work, request, visitor, LISTINGS)
        sku = list_own(work, visitor=visitor, name=asked.name, price=asked.price, stock=asked.stock)
        made = Listing(sku=sku, accepted_at=work.now, **asked.model_dump())
        return answer(202, made, location=reverse("api:get_product", args=[sku]))

    return once(request, asked, accept, policy=LISTINGS)


@router.get(
    "/products/{sku}",
    response=ProductShown,
    summary="A product",
    openapi_extra=told(personal=False),
)
def get_product(request: HttpRequest, sku: Sku, response: HttpResponse) -> ProductShown:  # noqa: ARG001  # the API asks for it
    """Return a product. Its entity tag is its version."""
    copy = cache.get(PRODUCT, sku, lambda: _row(sku))
    response.headers["Cache-Status"] = copy.cache_status
    if copy.value is None:
        raise Http404
    shown = ProductShown(**copy.value)
    response.headers["ETag"] = _etag(shown)
    return shown


@router.get(
    "/products/{sku}/statistics",
    response=Sales,
    summary="What was sold of a product",
    description="Added up over every checkout of it, by one of those who ask; the others get the "
    "same, which is at most five seconds old.",
    openapi_extra=told(personal=False),
)
def get_product_statistics(request: HttpRequest, sku: Sku, response: HttpResponse) -> Sales:  # noqa: ARG001  # the API asks for it
    """Return totals of a product's checkouts. Refunds are not subtracted."""
    copy = cache.get(STATISTICS, sku, lambda: retry_on_disconnect(lambda: _sales(sku)))
    response.headers["Cache-Status"] = copy.cache_status
    if copy.value is None:
        raise Http404
    return Sales(**copy.value)


@router.patch(
    "/products/{sku}",
    response=ProductShown,
    summary="Amend a product of your own",
    description="If-Match names the version that you have seen. When another has become the "
    "current one, nothing is changed, and the problem has it as `current`.",
    openapi_extra=told(errors=(404, 429), conditional=True, request_example={"price": 25}),
)
def amend_product(
    request: HttpRequest, sku: Sku, asked: AmendmentAsked, response: HttpResponse
) -> ProductShown:
    """Send the change to catalog, which decides, and return the product from its answer."""
    visitor = known_visitor(request)
    owned = retry_on_disconnect(_own(visitor).filter(sku=sku).first)
    if owned is None:
        raise not_found(f"product {sku}")
    _keep_pace(request, visitor)
    known = _known(sku)
    if known is None:
        raise Http404
    current = filled(ProductShown, known)
    _refuse_unseen(request, current)
    amendment = AmendProduct(
        sku=sku,
        expected_version=current.version,
        name=current.name if asked.name is None else asked.name,
        price=current.price if asked.price is None else asked.price,
    )
    with turn(_turns, "amended"):
        answered = amend(owned.id, amendment)
    if answered is None:
        raise away("Catalog has not answered in time; the change may still come about.")
    told_of = answered.payload
    now = filled(Described, told_of, sku=sku)
    if not isinstance(told_of, ProductAmended):
        raise _lost(now)
    entries = JournalEntry.objects.filter(message_id=answered.id).values_list("seq", flat=True)
    seq = retry_on_disconnect(entries.get)
    cache.changed(sku)  # for this caller's next read; catalog's event does the same a little later
    shown = ProductShown(**now.model_dump(), restocked=current.restocked, fed_by=seq)
    response.headers["ETag"] = _etag(shown)
    return shown


def _refuse_unseen(request: HttpRequest, current: ProductShown) -> None:
    """Raise Problem 428 without If-Match, or 412 when it names another version than this."""
    field = request.headers.get("If-Match", "").strip()
    if not field:
        raise MATCH_MISSING.problem("Send the ETag of the product that you have seen as If-Match.")
    # Compression makes our tag a weak one (Django's GZipMiddleware); it names the same version.
    tags = [tag.removeprefix("W/") for tag in parse_etags(field)]
    if "*" not in tags and _etag(current) not in tags:
        raise _lost(filled(Described, current))


def _lost(current: Described) -> Problem:
    return CHANGED_MEANWHILE.problem(
        f"The product is at version {current.version} by now; nothing was changed.",
        headers={"ETag": _etag(current)},
        extensions={"current": current.model_dump()},
    )


def _keep_pace(request: HttpRequest, visitor: str) -> None:
    """Raise Problem 429 when this visitor, or all of its address, amend too often."""
    for limiter, key, who in (
        (_of_visitors, visitor, "You have"),
        (_of_addresses, address_key(request), "Visitors from your address have"),
    ):
        if wait := limiter.take(key):
            detail = f"{who} amended products {limiter.most} times in a minute."
            raise too_many(detail, retry_after=wait)


def _row(sku: str) -> dict[str, Any] | None:
    row = _known(sku)
    return None if row is None else filled(ProductShown, row).model_dump()


def _sales(sku: str) -> dict[str, Any] | None:
    return sales_of(sku) if Product.objects.filter(sku=sku).exists() else None


def _known(sku: str) -> Product | None:
    return retry_on_disconnect(Product.objects.filter(sku=sku).first)


def _own(visitor: str) -> Any:
    return OwnProduct.objects.filter(visitor=visitor).exclude(visitor="")


def _etag(product: Described) -> str:
    return f'"{product.version}"'
