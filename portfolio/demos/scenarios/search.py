"""Search fed by events: a product is renamed, and found by its new name."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Final

from cluster.storefront.checkout_intake import InvalidRequest
from cluster.storefront.journal.queries import Entry, entry_at
from cluster.storefront.queries import found_in
from portfolio.api.products import list_products
from portfolio.demos.caller import Answer
from portfolio.demos.controls import Values
from portfolio.demos.demo import Visit, demo
from portfolio.demos.expected import asked_until, succeeded
from portfolio.demos.own_product import PATH, own_product
from portfolio.demos.queries import read, table
from portfolio.demos.result import Check, Result, Side, Table, check, figure

GIVE_UP_AFTER: Final = 5.0  # seconds
EVERY: Final = 0.005  # seconds
LETTERS: Final = str.maketrans("0123456789", "ghijklmnop")  # makes a word of a hex number


def run(visit: Visit, _values: Values) -> Result:
    """Give a product a name that no other has, and search for the beginning of a word of it."""
    word = visit.run.hex[-10:].translate(LETTERS)
    path = own_product(visit)
    asked = f"{PATH}?q={word[:6].upper()}"
    before = succeeded(visit.call("GET", asked, note="Before: nothing has such a name."))
    tag = succeeded(visit.call("GET", path)).exchange.response_headers["ETag"]
    renamed = succeeded(
        visit.call("PATCH", path, body={"name": f"Lanterns {word}"}, headers={"If-Match": tag})
    )
    if renamed.status != HTTPStatus.OK:
        raise InvalidRequest("The product was not renamed.")
    (*_, after), milliseconds = asked_until(
        lambda answer: bool(answer.json()["items"]),
        lambda: succeeded(visit.call("GET", asked, note="By the first letters of a word.")),
        within=GIVE_UP_AFTER,
        every=EVERY,
    )
    hits = after.json()["items"]
    fed_by = read("site", entry_at, renamed.json()["fed_by"])
    stem = succeeded(
        visit.call("GET", f"{PATH}?q=lantern+{word}", note="Another form of the word, and both.")
    )
    return Result(
        headline=f"Found by its new name {milliseconds:.0f} ms after it was renamed, from journal "
        f"entry {renamed.json()['fed_by']}.",
        sides=(
            Side(
                title="Renamed, and found",
                sentence="The name goes by a command to catalog, comes back as an event, and the "
                "read model that is searched changes in the transaction that writes the journal.",
                figures=(
                    figure("From the answer to the hit", milliseconds, "ms"),
                    figure("Hits", len(hits)),
                ),
                exchanges=(before.exchange, renamed.exchange, after.exchange, stem.exchange),
                tables=(_entry(fed_by),),
            ),
        ),
        checks=tuple(_checks(before, renamed, hits, stem, fed_by)),
    )


def _entry(fed_by: Entry | None) -> Table:
    columns = ("seq", "type", "sku", "name", "version")
    cells = (
        (one.seq, one.type, one.payload["sku"], one.payload["name"], one.sequence)
        for one in (fed_by,)
        if one is not None
    )
    return table("site", "The entry that fed it", columns, cells)


def _checks(
    before: Answer,
    renamed: Answer,
    hits: list[dict[str, Any]],
    stem: Answer,
    fed_by: Entry | None,
) -> Iterator[Check]:
    product = renamed.json()
    yield check(
        "found by the new name, and not before",
        holds=not before.json()["items"] and hits == [product],
        sentence=f"{len(before.json()['items'])} hits before, {len(hits)} after.",
    )
    yield check(
        "each hit says what fed it",
        holds=fed_by is not None and fed_by.payload["name"] == product["name"],
        sentence=f"Journal entry {product['fed_by']} has the name.",
    )
    yield check(
        "words are found in other forms",
        holds=product in stem.json()["items"],
        sentence="“lantern” finds “Lanterns”.",
    )


DEMO: Final = demo(
    "search",
    run=run,
    code=(found_in, list_products),
    seconds=8,
)
