"""The refund saga, choreographed: a refund that is paid back, and a second one that is refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from cluster.catalog.handlers import take_back
from cluster.catalog.queries import product
from cluster.identity.handlers import restore_limit
from cluster.identity.queries import restored, spent
from cluster.orders.contract import RefundRefused
from cluster.orders.queries import orders, refunds_of
from cluster.payments.handlers import pay_refunds_back
from cluster.secrets.postgres import Cursor
from cluster.storefront.checkout_intake import CheckoutOrder, accept_refund
from cluster.storefront.journal.answers import await_answer
from cluster.storefront.transactions import run_in_transaction
from portfolio.demos.books import balanced, balances, lines
from portfolio.demos.controls import Number, Values
from portfolio.demos.demo import Visit, demo
from portfolio.demos.queries import read, table
from portfolio.demos.result import Check, Result, Side, Table, check, figure
from portfolio.demos.sagas import begin, list_product, shelf
from portfolio.demos.waiting import await_read, ends_of, refunded

PRICE: Final = 250  # pence
STOCK: Final = 10
WITHIN: Final = 15.0  # seconds


@dataclass(frozen=True, slots=True)
class Standing:
    """The data of four services on one order, with amounts in pence."""

    order: str
    merchant: int
    available: int
    sold: int
    spent: int


def run(visit: Visit, values: Values) -> Result:
    """Buy, refund, ask for the same refund again, and read four databases after each step."""
    quantity = int(values["quantity"])
    sku = list_product(visit, stock=STOCK, price=PRICE)
    (order,) = begin([CheckoutOrder(visitor=visit.visitor, sku=sku, quantity=quantity)])
    ends_of([order])
    # The checkout has ended, and each service settles its own part in the moments after.
    await_read("orders", _state, order, until=lambda state: state == "fulfilled")
    await_read("catalog", product, sku, until=lambda row: row is not None and row.sold == quantity)
    await_read("identity", spent, [order])
    bought = _standing(order, sku, [])
    refund = refunded(order, within=WITHIN)
    await_read("orders", _state, order, until=lambda state: state == "refunded")
    given_back = _standing(order, sku, [refund])
    second, reason = _again(order)
    again = _standing(order, sku, [refund, second])
    return Result(
        headline=f"Money, goods and limit came back; the second refund was refused: {reason}.",
        sides=(
            _side("After the checkout", bought),
            Side(
                title="After the refund",
                figures=_side("", given_back).figures,
                tables=(
                    lines([order], "What the two added to the ledger, in pence"),
                    _sagas(order),
                ),
            ),
        ),
        checks=(*_checks(bought, given_back, again, quantity, reason), balanced([order])),
        correlations=(refund, order, second),
    )


def _again(order: UUID) -> tuple[UUID, str]:
    """Ask for a second refund of the order.

    Returns its id, and the reason of its refusal, or an empty string when it was not refused.
    """
    refund = run_in_transaction(lambda work: accept_refund(work, order_id=order))
    answer = await_answer(refund, [RefundRefused], within=WITHIN)
    return refund, answer.payload.reason if answer is not None else ""


def _standing(order: UUID, sku: str, refunds: list[UUID]) -> Standing:
    stock = shelf(sku)
    given_back = read("identity", restored, refunds)
    return Standing(
        order=read("orders", _state, order),
        merchant=balances([order]).merchant,
        available=stock.available,
        sold=stock.sold,
        spent=sum(read("identity", spent, [order]).values()) - sum(given_back.values()),
    )


def _state(cursor: Cursor, order: UUID) -> str:
    rows = orders(cursor, [order])
    return rows[0].state if rows else "none"


def _side(title: str, standing: Standing) -> Side:
    return Side(
        title=title,
        figures=(
            figure("The order (orders)", standing.order),
            figure("Taken (payments)", standing.merchant, "pence"),
            figure("On the shelf, sold (catalog)", f"{standing.available}, {standing.sold}"),
            figure("Of your limit (identity)", standing.spent, "pence"),
        ),
    )


def _sagas(order: UUID) -> Table:
    columns = ("refund", "state", "money back", "stock back", "limit back")
    return table("orders", "Both refunds of this order", columns, read("orders", refunds_of, order))


def _checks(
    bought: Standing, given_back: Standing, again: Standing, quantity: int, reason: str
) -> Iterator[Check]:
    paid = quantity * PRICE
    yield check(
        "the money went back",
        holds=bought.merchant == paid and given_back.merchant == 0,
        sentence=f"{bought.merchant} pence were taken, {given_back.merchant} still are.",
    )
    yield check(
        "the goods went back",
        holds=(bought.sold, given_back.sold) == (quantity, 0) and given_back.available == STOCK,
        sentence=f"{given_back.available} of {STOCK} are on the shelf again.",
    )
    yield check(
        "the limit went back",
        holds=bought.spent - given_back.spent == paid,
        sentence=f"{bought.spent - given_back.spent} pence may be spent again.",
    )
    yield check(
        "nothing is refunded twice",
        holds=bool(reason) and again == given_back,
        sentence=f"The second one was told: {reason}." if reason else "It was not refused.",
    )


DEMO: Final = demo(
    "refund",
    controls=(Number("quantity", "Items", 1, 5, 2),),
    run=run,
    code=(pay_refunds_back, take_back, restore_limit),
    seconds=6,
)
