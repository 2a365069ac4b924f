"""Many checkouts at once, with a process killed meanwhile, and their books afterwards."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final
from uuid import UUID

from chaos.experiments.catalogue import EXPERIMENTS
from chaos.experiments.models import ExperimentRun
from chaos.safety.permits import Refused, ask_for_run, public_name
from cluster.catalog.queries import ProductRow
from cluster.orders.queries import orders
from cluster.payments.queries import PaymentRow, payments
from cluster.secrets.django.reconnect import retry_on_disconnect
from cluster.storefront.checkout_intake import CheckoutOrder
from cluster.storefront.repository import checkouts
from config.waiting import wait_until
from portfolio.demos.books import balanced
from portfolio.demos.controls import Choice, Number, Values
from portfolio.demos.demo import Visit, demo
from portfolio.demos.queries import read, table
from portfolio.demos.result import Check, Link, Result, Side, Table, check, figure
from portfolio.demos.sagas import begin, list_product, shelf
from portfolio.demos.waiting import await_read, ends_of, left_open, nothing_left

NONE: Final = "none"
KILLS: Final = (
    "kill-worker-checkout",
    "kill-relay-payments",
    "kill-rabbitmq",
    "kill-worker-orders",
)
PRICE: Final = 10  # pence: a visitor’s limit is to last for several runs
IN_STOCK: Final = 0.8  # of what is asked for, so that some are refused
DECLINED_EVERY: Final = 10  # every tenth card
WITHIN: Final = 45.0  # seconds until all have ended
BEGINS_WITHIN: Final = 5.0  # seconds that the storm waits for the run of its kill to begin
SETTLED_WITHIN: Final = 10.0  # seconds after the last end, for voids and releases in flight


@dataclass(frozen=True, slots=True)
class Found:
    """The data of these checkouts in the databases when all have ended, with money in pence."""

    completed: int
    left: dict[str, int]
    taken: int
    set_aside: int
    orders: int
    ordered: int
    stock: ProductRow


def run(visit: Visit, values: Values) -> Result:
    """Ask for the kill, start all checkouts in one transaction, wait for every end, and add up."""
    count = int(values["checkouts"])
    sku = list_product(visit, stock=max(1, int(count * IN_STOCK)), price=PRICE)
    kill, words = _kill(visit, str(values["kill"]))
    began = time.monotonic()
    ids = begin([_order(visit, sku, number) for number in range(count)])
    ended = ends_of(ids, within=WITHIN)
    took = time.monotonic() - began
    found = _found(ids, sku, ended)
    links = () if kill is None else (Link(path=f"/chaos/runs/{kill.id}/", words="The kill’s run"),)
    return Result(
        headline=f"{count} checkouts ended in {took:.1f} s: {ended['completed']} completed, "
        f"{ended['compensated']} were compensated, and every penny and item is accounted for."
        if _conserved(found)
        else f"{count} checkouts ended in {took:.1f} s, and something is not accounted for.",
        sides=(
            Side(
                title="The storm",
                sentence=words,
                figures=(
                    figure("Completed", ended["completed"]),
                    figure("Compensated", ended["compensated"]),
                    figure("All ended after", took, "s"),
                    figure("Taken from cards", found.taken, "pence"),
                ),
                links=(
                    *links,
                    Link(path="/chaos/experiments/storm/", words="A storm of several kills"),
                    Link(path="/chaos/experiments/flash-sale/", words="A flash sale"),
                ),
                tables=(_ends(ids), _stock(found.stock)),
            ),
        ),
        checks=tuple(_checks(count, ids, ended, found)),
        correlations=(ids[0],),
    )


def _order(visit: Visit, sku: str, number: int) -> CheckoutOrder:
    card = "tok_declined" if number % DECLINED_EVERY == DECLINED_EVERY - 1 else "tok_ok"
    return CheckoutOrder(visitor=visit.visitor, sku=sku, card=card)


def _kill(visit: Visit, wanted: str) -> tuple[ExperimentRun | None, str]:
    """Ask the chaos runner for a kill, under its own limits. Return its run and one sentence."""
    if wanted == NONE:
        return None, "Nothing was killed."
    title = EXPERIMENTS[wanted].title
    try:
        asked = ask_for_run(
            experiment=wanted, visitor=visit.visitor, asked_by=public_name(visit.visitor)
        )
    except Refused as refusal:
        return None, f"The kill was refused: {refusal.sentence}"

    def has_begun() -> bool:
        now = retry_on_disconnect(lambda: ExperimentRun.objects.get(id=asked.id))
        return now.state != ExperimentRun.QUEUED

    if wait_until(has_begun, within=BEGINS_WITHIN, every=0.1):
        return asked, f"{title}: its run had begun when the checkouts were accepted."
    return asked, f"{title}: other runs go first, so it may come when all is over."


def _found(ids: Sequence[UUID], sku: str, ended: Counter[str]) -> Found:
    """Return the data of the databases, once nothing is left to settle or time is up."""
    paid = await_read(
        "payments", payments, ids, until=lambda rows: not _set_aside(rows), within=SETTLED_WITHIN
    )
    left = left_open(ids, within=SETTLED_WITHIN)
    confirmed = read("orders", orders, ids)
    return Found(
        completed=ended["completed"],
        left=left,
        taken=sum(row.captured - row.refunded for row in paid),
        set_aside=_set_aside(paid),
        orders=len(confirmed),
        ordered=sum(row.amount for row in confirmed),
        stock=shelf(sku),
    )


def _set_aside(rows: Sequence[PaymentRow]) -> int:
    """Return the pence that are authorised and neither captured nor voided."""
    return sum(row.authorised - row.captured - row.voided for row in rows)


def _ends(ids: Sequence[UUID]) -> Table:
    columns = ("status", "reason", "checkouts", "half within (ms)", "slowest (ms)")
    seconds: dict[tuple[str, str], list[float]] = {}
    for row in read("site", checkouts, ids):
        seconds.setdefault((row.status, row.reason), []).append(row.seconds or 0.0)
    cells = (
        (*end, len(took), round(1000 * median(took)), round(1000 * max(took)))
        for end, took in sorted(seconds.items(), key=lambda one: -len(one[1]))
    )
    return table("site", "How they ended", columns, cells)


def _stock(stock: ProductRow) -> Table:
    columns = ("listed", "available", "reserved", "sold")
    cells = [(stock.listed, stock.available, stock.reserved, stock.sold)]
    return table("catalog", "The product that they wanted", columns, cells)


def _conserved(found: Found) -> bool:
    return (
        found.taken == found.completed * PRICE
        and not found.set_aside
        and found.stock.conserved
        and found.stock.sold == found.completed
        and not any(found.left.values())
    )


def _checks(count: int, ids: Sequence[UUID], ended: Counter[str], found: Found) -> Iterator[Check]:
    stock = found.stock
    yield check(
        "every checkout ended once",
        holds=ended["completed"] + ended["compensated"] == count == len(ids),
        sentence=f"{ended['completed']} completed and {ended['compensated']} compensated, "
        f"of {count}.",
    )
    yield check(
        "money is conserved",
        holds=found.taken == found.completed * PRICE == found.ordered and not found.set_aside,
        sentence=f"{found.taken} pence taken for {found.orders} orders of {found.ordered} pence; "
        f"{found.set_aside} are still set aside.",
    )
    yield balanced(ids)
    yield check(
        "stock is conserved, and none oversold",
        holds=stock.conserved and stock.sold == found.completed and stock.available >= 0,
        sentence=f"{stock.listed} listed: {stock.sold} sold, {stock.available} there, "
        f"{stock.reserved} reserved.",
    )
    yield nothing_left(found.left)


DEMO: Final = demo(
    "saga-storm",
    controls=(
        Number("checkouts", "Checkouts", 50, 500, 50),
        Choice(
            "kill",
            "Killed meanwhile",
            (
                (NONE, "nothing"),
                *((name, EXPERIMENTS[name].title) for name in KILLS),
            ),
        ),
    ),
    run=run,
    code=(ask_for_run,),
    seconds=45,
)
