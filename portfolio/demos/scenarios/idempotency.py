"""One purchase requested many times at once, with one idempotency key and with a key each."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID, uuid4

from cluster.orders.queries import orders
from cluster.storefront.repository import checkouts, checkouts_of
from portfolio.api.checkouts import start_checkout
from portfolio.api.idempotency import once
from portfolio.demos.caller import Answer, Caller
from portfolio.demos.controls import Number, Values
from portfolio.demos.demo import Visit, demo
from portfolio.demos.expected import asked_until, expect, one_of_each
from portfolio.demos.queries import database_time, read, table
from portfolio.demos.result import Check, Exchange, Result, Side, Table, check, figure
from portfolio.demos.sagas import USUAL
from portfolio.demos.waiting import ends_of

PATH: Final = "/api/v1/checkouts"
KEY: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotent-Replayed"
NAIVE: Final = 3  # keys; each is a real purchase
STORM_LASTS: Final = 6.0  # seconds in which requests are begun
CONNECTIONS: Final = 25
GIVE_UP_AFTER: Final = 10.0  # seconds; a client that gets 409 asks again until then
PAUSE: Final = 0.1  # seconds between two attempts of one client


@dataclass(frozen=True, slots=True)
class Client:
    """One client's first answer, and the last, after which it stopped asking."""

    first: Answer
    last: Answer
    attempts: int


def run(visit: Visit, values: Values) -> Result:
    """Send the same request many times at once, then a few times with a key of its own each."""
    count = int(values["requests"])
    body = {"sku": USUAL, "quantity": 1, "outcome": "success"}
    began = read("site", database_time)
    began_at = time.monotonic()
    clients = _storm(visit.call, [str(visit.run)] * count, body)
    seconds = time.monotonic() - began_at
    (one,) = read("site", checkouts, _ids(clients)[:1])
    accepted = len(read("site", checkouts_of, one.visitor, began))
    reused = visit.call(
        "POST",
        PATH,
        body={**body, "quantity": 2},
        headers={KEY: str(visit.run)},
        note="The same key, and another wish.",
    )
    naive = _storm(visit.call, [str(uuid4()) for _ in range(NAIVE)], body)
    ids, many = _ids(clients), _ids(naive)
    ends_of([*ids, *many])
    return Result(
        headline=f"{len(clients)} requests with one key made {_orders(len(ids))}; {NAIVE} with a "
        f"key each made {len(many)}.",
        sides=(
            Side(
                title=f"One key, {len(clients)} requests at once",
                sentence="Who asks while the first is under way is told so, and asks again. In "
                "the end everybody has the first answer.",
                figures=(
                    figure("Checkouts accepted", accepted),
                    figure("Answers marked as replayed", _replayed(clients)),
                    figure("Told to ask again", sum(client.attempts > 1 for client in clients)),
                    figure("All answered after", seconds, "s"),
                ),
                exchanges=tuple(_telling(clients, reused)),
                tables=(_order_rows(ids),),
            ),
            Side(
                title="A new key for each attempt",
                sentence="As from a client that makes its key anew when it tries again: to the "
                "shop these are different wishes.",
                figures=(figure("Checkouts accepted", len(many)),),
                tables=(_order_rows(many),),
            ),
        ),
        checks=tuple(_checks(clients, accepted, reused)),
        correlations=(*ids, *many),
    )


def _storm(call: Caller, keys: Sequence[str], body: Any) -> list[Client]:
    """Return the answers of the clients that asked in time.

    Raises SiteAway or InvalidRequest when one was not served.
    """
    until = time.monotonic() + STORM_LASTS
    told = call.at_once(
        [partial(_served, call, key, body, until) for key in keys], at_most=CONNECTIONS
    )
    clients = [client for client in told if client is not None]
    for client in clients:
        expect(client.last, HTTPStatus.ACCEPTED)
    return clients


def _served(call: Caller, key: str, body: Any, until: float) -> Client | None:
    """Ask as one client, and ask again while the first request with its key is in flight.

    Returns None when its turn has not come before `until`: a slow machine gets fewer requests.
    """
    if time.monotonic() > until:
        return None
    answers, _ = asked_until(
        lambda answer: answer.status != HTTPStatus.CONFLICT,
        lambda: call("POST", PATH, body=body, headers={KEY: key}),
        within=GIVE_UP_AFTER,
        every=PAUSE,
    )
    return Client(answers[0], answers[-1], len(answers))


def _ids(clients: Sequence[Client]) -> list[UUID]:
    return sorted({UUID(client.last.json()["id"]) for client in clients})


def _replayed(clients: Sequence[Client]) -> int:
    return sum(_is_replay(client.last) for client in clients)


def _is_replay(answer: Answer) -> bool:
    return answer.exchange.response_headers.get(REPLAYED) == "true"


def _orders(count: int) -> str:
    return "one order" if count == 1 else f"{count} orders"


def _order_rows(ids: Sequence[UUID]) -> Table:
    columns = ("order", "sku", "items", "pence", "state")
    rows = read("orders", orders, ids)
    cells = ((row.id, row.sku, row.quantity, row.amount, row.state) for row in rows)
    return table("orders", "The orders", columns, cells)


def _telling(clients: Sequence[Client], reused: Answer) -> Iterator[Exchange]:
    """Yield one request of each kind: the first, one that came too early, a replay, a misuse."""
    firsts, lasts = [client.first for client in clients], [client.last for client in clients]
    early = [answer for answer in firsts if answer.status == HTTPStatus.CONFLICT]
    yield from one_of_each(
        (
            ("The one that was first.", [one for one in lasts if not _is_replay(one)]),
            ("One that came while the first was under way.", early),
            ("One that came after.", [one for one in lasts if _is_replay(one)]),
        )
    )
    yield reused.exchange


def _checks(clients: Sequence[Client], accepted: int, reused: Answer) -> Iterator[Check]:
    statuses = Counter(client.first.status for client in clients)
    bodies = {client.last.body for client in clients}
    yield check(
        "one key is one purchase",
        holds=accepted == 1 and len(_ids(clients)) == 1,
        sentence=f"{len(clients)} requests, {accepted} checkout.",
    )
    yield check(
        "every answer is the first one",
        holds=len(bodies) == 1,
        sentence=f"{len(clients)} answers, and {len(bodies)} distinct among them, byte for byte.",
    )
    yield check(
        "all but one say that they are replays",
        holds=_replayed(clients) == len(clients) - 1,
        sentence=f"{_replayed(clients)} of {len(clients)} were marked; at first "
        + ", ".join(f"{status}: {times}" for status, times in sorted(statuses.items()))
        + ".",
    )
    yield check(
        "a key means one thing",
        holds=reused.status == HTTPStatus.UNPROCESSABLE_ENTITY,
        sentence=f"The same key with two items instead of one: {reused.status}.",
    )


DEMO: Final = demo(
    "idempotency",
    controls=(Number("requests", "Requests at once", 2, 200, 25),),
    run=run,
    code=(once, start_checkout),
    seconds=10,
)
