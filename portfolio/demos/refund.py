"""The refund saga, choreographed: a refund that is paid back, and a second one that is refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from cluster.orders.contract import RefundRefused
from cluster.storefront.checkout_intake import CheckoutOrder, accept_refund
from cluster.storefront.journal.answers import await_answer
from cluster.storefront.transactions import run_in_transaction
from portfolio.demos.books import balanced, lines
from portfolio.demos.controls import Number, Values
from portfolio.demos.demo import Demo, Visit
from portfolio.demos.queries import read, table
from portfolio.demos.result import Check, Result, Side, Table, check, figure
from portfolio.demos.sagas import begin, list_product
from portfolio.demos.waiting import StillUnderWay, await_rows, ends_of

PRICE: Final = 250  # pence
STOCK: Final = 10
WITHIN: Final = 15.0  # seconds

ORDER: Final = "SELECT state FROM orders WHERE id = %s"
SHELF: Final = "SELECT available, reserved, sold FROM product WHERE sku = %s"
# Of the visitor's limit: what this order spent, less what its refunds have given back.
SPENT: Final = """
    SELECT ((SELECT coalesce(sum(amount), 0) FROM spend WHERE id = %s)
          - (SELECT coalesce(sum(amount), 0) FROM limit_restoration WHERE id = ANY (%s)))::bigint
"""
MERCHANT: Final = """
    SELECT coalesce(sum(amount), 0)::bigint FROM ledger_entry
     WHERE payment = %s AND account = 'merchant'
"""
SAGA: Final = """
    SELECT right(id::text, 8), state, money_back::text, stock_back::text, limit_back::text
      FROM refund WHERE order_id = %s ORDER BY created_at
"""
ENDED: Final = "SELECT status FROM refund_request WHERE id = %s AND status <> 'accepted'"


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
    await_rows("orders", ORDER, order, until=lambda rows: rows == [("fulfilled",)])
    await_rows("catalog", SHELF, sku, until=lambda rows: rows[0][2] == quantity)
    await_rows("identity", SPENT, order, [], until=lambda rows: rows[0][0] > 0)
    bought = _standing(order, sku, [])
    refund = _refunded(order)
    await_rows("orders", ORDER, order, until=lambda rows: rows == [("refunded",)])
    refunded = _standing(order, sku, [refund])
    second, reason = _again(order)
    again = _standing(order, sku, [refund, second])
    return Result(
        headline=f"Money, goods and limit came back; the second refund was refused: {reason}.",
        sides=(
            _side("After the checkout", bought),
            Side(
                title="After the refund",
                figures=_side("", refunded).figures,
                tables=(
                    lines([order], "What the two added to the ledger, in pence"),
                    _sagas(order),
                ),
            ),
        ),
        checks=(*_checks(bought, refunded, again, quantity, reason), balanced([order])),
        correlations=(refund, order, second),
    )


def _refunded(order: UUID) -> UUID:
    refund = run_in_transaction(lambda work: accept_refund(work, order_id=order))
    if not await_rows("site", ENDED, refund, within=WITHIN):
        raise StillUnderWay(
            f"The refund had not ended after {WITHIN:.0f} s: a part of the cluster is away. "
            "It ends by itself when that is back."
        )
    return refund


def _again(order: UUID) -> tuple[UUID, str]:
    """Ask for a second refund of the order.

    Returns its id, and the reason of its refusal, or an empty string when it was not refused.
    """
    refund = run_in_transaction(lambda work: accept_refund(work, order_id=order))
    answer = await_answer(refund, [RefundRefused], within=WITHIN)
    return refund, answer.payload.reason if answer is not None else ""


def _standing(order: UUID, sku: str, refunds: list[UUID]) -> Standing:
    available, _, sold = read("catalog", SHELF, sku)[0]
    return Standing(
        order=_one(read("orders", ORDER, order)),
        merchant=_one(read("payments", MERCHANT, order)),
        available=available,
        sold=sold,
        spent=read("identity", SPENT, order, refunds)[0][0],
    )


def _one(rows: list[tuple[Any, ...]]) -> Any:
    return rows[0][0] if rows else "none"


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
    return table("orders", "Both refunds of this order", columns, SAGA, order)


def _checks(
    bought: Standing, refunded: Standing, again: Standing, quantity: int, reason: str
) -> Iterator[Check]:
    paid = quantity * PRICE
    yield check(
        "the money went back",
        holds=bought.merchant == paid and refunded.merchant == 0,
        sentence=f"{bought.merchant} pence were taken, {refunded.merchant} still are.",
    )
    yield check(
        "the goods went back",
        holds=(bought.sold, refunded.sold) == (quantity, 0) and refunded.available == STOCK,
        sentence=f"{refunded.available} of {STOCK} are on the shelf again.",
    )
    yield check(
        "the limit went back",
        holds=bought.spent - refunded.spent == paid,
        sentence=f"{bought.spent - refunded.spent} pence may be spent again.",
    )
    yield check(
        "nothing is refunded twice",
        holds=bool(reason) and again == refunded,
        sentence=f"The second one was told: {reason}." if reason else "It was not refused.",
    )


DEMO: Final = Demo(
    slug="refund",
    title="A refund that nobody conducts",
    service="orders",
    lead="The checkout has a conductor; the refund has none. Orders says that a refund was asked "
    "for; payments hears it and pays back; catalog and identity hear that, and give back the "
    "goods and the limit; orders waits until it has heard of all three.",
    watch=(
        "What the order, the ledger, the shelf and your limit say before and after.",
        "The ledger: nothing is deleted; the money goes back by two new lines.",
        "The second refund of the same order: it is refused, and moves nothing.",
    ),
    controls=(Number("quantity", "Items", 1, 5, 2),),
    run=run,
    sources=(
        "cluster.orders.refunds",
        "cluster.payments.handlers:pay_refunds_back",
        "cluster.catalog.handlers:take_back",
        "cluster.identity.handlers:restore_limit",
    ),
    article="saga-vs-two-phase-commit",
    experiment="kill-worker-payments",
    seconds=6,
)
