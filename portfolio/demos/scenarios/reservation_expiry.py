"""A reservation without a checkout: it expires, and its item is for sale again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

from cluster.catalog.contract import (
    ReleaseStock,
    ReservationExpired,
    ReserveStock,
    StockReleased,
    StockReserved,
)
from cluster.catalog.queries import ProductRow, product, reservations
from cluster.messaging.contract import Payload
from cluster.messaging.envelope import new_message_id
from cluster.storefront.checkout_intake import CheckoutOrder
from cluster.storefront.journal.answers import await_answer
from cluster.storefront.transactions import run_in_transaction
from portfolio.demos.controls import Number, Values
from portfolio.demos.demo import Visit, demo
from portfolio.demos.queries import entry_rows, read, recorded_of, table
from portfolio.demos.result import Check, Figure, Result, Side, Table, check, figure
from portfolio.demos.sagas import begin, list_product, shelf
from portfolio.demos.waiting import StillUnderWay, await_read, ends_of

WITHIN: Final = 15.0  # seconds


def run(visit: Visit, values: Values) -> Result:
    """Reserve the only item, try to buy it, wait until it is free again, and buy it."""
    life = int(values["seconds"])
    sku = list_product(visit, stock=1)
    forgotten = new_message_id()
    _ask(forgotten, ReserveStock(sku=sku, quantity=1, expires_in=life))
    _answered(forgotten, StockReserved)
    during, first_rows = shelf(sku), _reservations([forgotten])
    (early,) = begin([_order(visit, sku)])
    refused = ends_of([early])
    _answered(forgotten, ReservationExpired, within=life + WITHIN)
    free = shelf(sku)
    (row,) = read("catalog", reservations, [forgotten])
    allowed = (row.expires_at - row.created_at).total_seconds()
    lived = (row.updated_at - row.created_at).total_seconds()
    (late,) = begin([_order(visit, sku)])
    bought = ends_of([late])
    await_read("catalog", product, sku, until=lambda row: row is not None and row.sold == 1)
    after_sale, last_rows = shelf(sku), _reservations([forgotten, early, late])
    _ask(forgotten, ReleaseStock(reason="asked for by the demo, after it had expired"))
    given_back = _answered(forgotten, StockReleased).quantity
    return Result(
        headline=f"The item came back {lived:.1f} s after it was set aside for {allowed:.0f} s, "
        "and the next buyer got it.",
        sides=(
            Side(
                title="While it was set aside",
                sentence="A reservation without a checkout, as if that had been forgotten. The "
                "buyer who came now was refused.",
                figures=_figures(during),
                tables=(first_rows,),
            ),
            Side(
                title="After it had expired",
                sentence="Catalog looks every five seconds for reservations whose time is over. "
                "The buyer who came then got the item.",
                figures=_figures(after_sale),
                tables=(
                    last_rows,
                    entry_rows("What was said of the first one", recorded_of(forgotten)),
                ),
            ),
        ),
        checks=(
            *_buyers(refused["completed"], bought["completed"]),
            *_stock(during, free, after_sale),
            check(
                "it does not expire before its time",
                holds=lived >= allowed,
                sentence=f"It was set aside for {allowed:.0f} s and lived for {lived:.1f} s.",
            ),
            check(
                "nothing is given back twice",
                holds=given_back == 0 and shelf(sku) == after_sale,
                sentence=f"A release that came after the expiry gave back {given_back} items.",
            ),
        ),
        correlations=(early, forgotten, late),
    )


def _ask(reservation: UUID, command: Payload) -> None:
    run_in_transaction(
        lambda work: work.send(command, subject_id=reservation, correlation=reservation)
    )


def _answered(reservation: UUID, schema: type[Payload], *, within: float = WITHIN) -> Any:
    """Return catalog's answer. Raises StillUnderWay when it has not come in time."""
    answer = await_answer(reservation, [schema], within=within)
    if answer is None:
        raise StillUnderWay(
            f"Catalog had not answered after {within:.0f} s; it may be away. What is set aside "
            "goes back on the shelf by itself when it is back."
        )
    return answer.payload


def _order(visit: Visit, sku: str) -> CheckoutOrder:
    return CheckoutOrder(visitor=visit.visitor, sku=sku)


def _reservations(ids: list[UUID]) -> Table:
    columns = ("reservation", "state", "items", "set aside (UTC)", "expires (UTC)")
    rows = read("catalog", reservations, ids)
    cells = ((row.id, row.state, row.quantity, row.created_at, row.expires_at) for row in rows)
    return table("catalog", "The reservations", columns, cells)


def _figures(row: ProductRow) -> tuple[Figure, ...]:
    return (
        figure("Available", row.available),
        figure("Set aside", row.reserved),
        figure("Sold", row.sold),
    )


def _buyers(early: int, late: int) -> Iterator[Check]:
    yield check(
        "what is set aside is not sold",
        holds=early == 0,
        sentence="The first buyer was refused." if early == 0 else "The first buyer got it.",
    )
    yield check(
        "what has expired can be bought",
        holds=late == 1,
        sentence="The second buyer got it." if late == 1 else "The second buyer was refused.",
    )


def _stock(during: ProductRow, free: ProductRow, after_sale: ProductRow) -> Iterator[Check]:
    shelves = (during, free, after_sale)
    yield check(
        "stock is conserved",
        holds=all(row.conserved for row in shelves),
        sentence="Set aside, free and sold: "
        + ", ".join(f"{s.available} + {s.reserved} + {s.sold} = {s.listed}" for s in shelves)
        + ".",
    )
    yield check(
        "the item went back on the shelf",
        holds=(during.available, free.available) == (0, 1) and free.reserved == 0,
        sentence=f"{free.available} was available before the second buyer came.",
    )


DEMO: Final = demo(
    "reservation-expiry",
    controls=(Number("seconds", "It is set aside for (s)", 1, 5, 1),),
    run=run,
    seconds=10,
)
