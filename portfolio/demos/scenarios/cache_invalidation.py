"""A product is changed past the API, and the event invalidates its cached copies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from cluster.catalog.amendments import amend_product
from cluster.catalog.contract import AmendProduct, ProductAmended
from cluster.storefront.checkout_intake import InvalidRequest
from cluster.storefront.journal.queries import entry_at
from cluster.storefront.journal.recorder import JournalSink
from cluster.storefront.journal.wake import Announcer
from cluster.storefront.products import amend, own_product_id
from portfolio.api.product_cache import PRODUCT, ProductCache
from portfolio.demos.caller import Answer
from portfolio.demos.controls import Values
from portfolio.demos.demo import Visit, demo
from portfolio.demos.expected import asked_until, one_of_each, succeeded
from portfolio.demos.own_product import own_product
from portfolio.demos.queries import entry_rows, read
from portfolio.demos.result import Check, Result, Side, check, figure, note

GIVE_UP_AFTER: Final = 10.0  # seconds
EVERY: Final = 0.005  # seconds
STATUS: Final = "Cache-Status"


def run(visit: Visit, _values: Values) -> Result:
    """Fill the cache, have catalog change the product, and read until the change shows."""
    path = own_product(visit)
    succeeded(visit.call("GET", path))
    before = succeeded(visit.call("GET", path, note="A copy: it is served from Redis."))
    old = before.json()
    product = read("site", own_product_id, old["sku"])
    assert product is not None, "it is the visitor's own"
    amendment = AmendProduct(
        sku=old["sku"],
        expected_version=old["version"],
        name=old["name"],
        price=old["price"] % 1_000 + 1,
    )
    answer = amend(product, amendment)
    if answer is None or not isinstance(answer.payload, ProductAmended):
        raise InvalidRequest("Catalog has not changed the product; it may be away.")
    version = answer.payload.version
    reads, took = asked_until(
        lambda one: bool(one.json()["version"] >= version),
        lambda: succeeded(visit.call("GET", path)),
        within=GIVE_UP_AFTER,
        every=EVERY,
    )
    now = reads[-1].json()
    entry = read("site", entry_at, now["fed_by"])
    return Result(
        headline=f"{took:.0f} ms after the read model had the change, the API served it; "
        f"{len(reads) - 1} reads before that were old.",
        sides=(
            Side(
                title="Read, change, read",
                sentence="The change goes past the API, by the outbox to catalog. Its event is "
                "committed to the read model first; then the product’s generation is raised, and "
                "no copy of an earlier one is used.",
                figures=(
                    figure("Until the change showed", took, "ms"),
                    figure("Old reads meanwhile", len(reads) - 1),
                    figure("Bound by time, were the event lost", PRODUCT.lifetime, "s"),
                ),
                exchanges=(
                    before.exchange,
                    *one_of_each(
                        (
                            ("The first read after the change.", reads[:1]),
                            ("The first read that has the change.", reads[-1:]),
                        )
                    ),
                ),
                tables=(entry_rows("The journal entry", [entry] if entry else []),),
            ),
        ),
        checks=tuple(_checks(before, now, version, took)),
        correlations=(answer.correlation,) if entry else (),
    )


def _checks(before: Answer, now: dict[str, Any], version: int, took: float) -> Iterator[Check]:
    served = before.exchange.response_headers.get(STATUS, "")
    yield note(
        "the product was served from a copy",
        f"Cache-Status before the change: {served or 'none'}.",
        holds="; hit" in served,
    )
    yield check(
        "the event ends every copy",
        holds=now["version"] == version,
        sentence=f"Version {before.json()['version']} before, {now['version']} after, "
        f"known from journal entry {now['fed_by']}.",
    )
    yield check(
        "it does not wait for the copy’s time",
        holds=took < 1000 * PRODUCT.lifetime,
        sentence=f"{took:.0f} ms; the copy could have lived {PRODUCT.lifetime:.0f} s.",
    )


DEMO: Final = demo(
    "cache-invalidation",
    run=run,
    code=(JournalSink, Announcer, ProductCache, amend_product),
    seconds=8,
)
