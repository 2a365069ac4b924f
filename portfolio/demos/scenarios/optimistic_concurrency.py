"""Several editors of one product: with entity tags, and with the last write winning."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID, uuid4

from cluster.catalog import amendments
from cluster.catalog.domain.product import Description
from cluster.catalog.queries import ProductRow, product
from cluster.messaging.work import UnitOfWork
from cluster.storefront.journal.queries import entry_at
from cluster.storefront.transactions import run_in_transaction
from portfolio.api import products as api_products
from portfolio.demos.caller import Answer
from portfolio.demos.controls import Number, Values
from portfolio.demos.demo import Visit, demo
from portfolio.demos.expected import one_of_each, succeeded
from portfolio.demos.own_product import own_product
from portfolio.demos.queries import read, table
from portfolio.demos.result import Check, Result, Side, check, figure

MOST_AT_ONCE: Final = 8  # connections

BEGIN: Final = "INSERT INTO demo_scratch (id, run, value, at) VALUES (%s, %s, 0, %s)"
READ: Final = "SELECT value FROM demo_scratch WHERE id = %s"
WRITE: Final = "UPDATE demo_scratch SET value = %s WHERE id = %s"


def add_unguarded(run: UUID, writers: int) -> int:
    """Let this many writers each add 1 to a new row of 0, and return its value afterwards.

    All of them read before any of them writes, as people do who have a form open.
    """
    row = uuid4()
    run_in_transaction(lambda work: _begin(work, row, run))
    with ThreadPoolExecutor(MOST_AT_ONCE) as pool:
        seen = list(pool.map(lambda _: run_in_transaction(_reader(row)), range(writers)))
        list(pool.map(lambda value: run_in_transaction(_writer(row, value + 1)), seen))
    return run_in_transaction(_reader(row))


def _begin(work: UnitOfWork, row: UUID, run: UUID) -> None:
    work.cursor.execute(BEGIN, (row, run, work.now))


def _reader(row: UUID) -> Callable[[UnitOfWork], int]:
    def read(work: UnitOfWork) -> int:
        (value,) = work.cursor.execute(READ, (row,)).fetchone() or (0,)
        return int(value)

    return read


def _writer(row: UUID, value: int) -> Callable[[UnitOfWork], None]:
    def write(work: UnitOfWork) -> None:
        work.cursor.execute(WRITE, (value, row))

    return write


def run(visit: Visit, values: Values) -> Result:
    """Let all editors send their change with the tag that all of them have seen."""
    writers = int(values["writers"])
    path = own_product(visit)
    seen = succeeded(visit.call("GET", path, note="What every editor has seen."))
    tag = seen.exchange.response_headers["ETag"]
    price = int(seen.json()["price"])
    # Each editor wants another price, and none of them the present one.
    wishes = [price % 1_000 + 1 + number for number in range(writers)]
    answers = visit.call.at_once(
        [
            partial(visit.call, "PATCH", path, body={"price": wish}, headers={"If-Match": tag})
            for wish in wishes
        ]
    )
    lost = [answer for answer in answers if answer.status == HTTPStatus.PRECONDITION_FAILED]
    won = [succeeded(answer) for answer in answers if answer not in lost]
    after = succeeded(visit.call("GET", path, note="What there is now."))
    kept = add_unguarded(visit.run, writers)
    row = read("catalog", product, after.json()["sku"])
    told_by = read("site", entry_at, after.json()["fed_by"])
    return Result(
        headline=f"Of {writers} editors {len(won)} won and {len(lost)} learnt of it; with the last "
        f"write winning, {writers - kept} of {writers} changes were lost.",
        sides=(
            Side(
                title="With If-Match",
                sentence="Each change names the version that its editor has seen. Catalog makes "
                "the first and refuses the others, and a refusal says what there is now.",
                figures=(
                    figure("Changes made", len(won)),
                    figure("Changes refused", len(lost)),
                    figure("Changes lost unnoticed", 0 if len(won) == 1 else len(won) - 1),
                ),
                exchanges=(
                    seen.exchange,
                    *one_of_each((("The first.", won), ("One of the others.", lost))),
                    after.exchange,
                ),
                tables=(
                    table(
                        "catalog",
                        "The product",
                        ("sku", "version", "name", "pence"),
                        [_described(row)] if row else [],
                    ),
                ),
            ),
            Side(
                title="The last write wins",
                sentence="Each of as many writers reads a row, adds one, and writes the sum. All "
                "are told that it went well.",
                figures=(
                    figure("Changes made", writers),
                    figure("Left in the row", kept),
                    figure("Changes lost unnoticed", writers - kept),
                ),
            ),
        ),
        checks=tuple(_checks(seen, won, lost, after, row)),
        correlations=(told_by.correlation,) if told_by else (),
    )


def _described(row: ProductRow) -> tuple[str, int, str, int]:
    return row.sku, row.version, row.name, row.price


def _checks(
    seen: Answer,
    won: Sequence[Answer],
    lost: Sequence[Answer],
    after: Answer,
    row: ProductRow | None,
) -> Iterator[Check]:
    now: dict[str, Any] = after.json()
    statuses = Counter(answer.status for answer in (*won, *lost))
    yield check(
        "one editor wins",
        holds=len(won) == 1,
        sentence=", ".join(f"{status}: {times}" for status, times in sorted(statuses.items()))
        + ".",
    )
    current = {name: now[name] for name in ("sku", "name", "price", "version")}
    told = sum(answer.json()["current"] == current for answer in lost)
    yield check(
        "all others learn what there is now",
        holds=told == len(lost),
        sentence=f"{told} of {len(lost)} refusals carry version {now['version']} "
        f"at {now['price']} pence.",
    )
    yield check(
        "what the winner was told is what there is",
        holds=[answer.json() for answer in won] == [now],
        sentence=f"Version {seen.json()['version']} became {now['version']}.",
    )
    yield check(
        "the read model is catalog’s row",
        holds=row is not None
        and _described(row) == (now["sku"], now["version"], now["name"], now["price"]),
        sentence=f"Known from journal entry {now['fed_by']}.",
    )


DEMO: Final = demo(
    "optimistic-concurrency",
    controls=(Number("writers", "Editors at once", 2, 20, 20),),
    run=run,
    code=(amendments.amend_product, Description, api_products.amend_product, add_unguarded),
    seconds=10,
)
