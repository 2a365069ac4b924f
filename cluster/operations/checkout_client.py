"""Start real checkouts through the site's outbox, and follow them in its journal."""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar
from uuid import UUID

from cluster.catalog.contract import ListProduct
from cluster.messaging.contract import REGISTRY, Kind
from cluster.messaging.envelope import new_message_id
from cluster.messaging.outbox import unit_of_work
from cluster.messaging.work import UnitOfWork
from cluster.operations.plan import FEWEST_RACERS, Wanted, outcomes, plan
from cluster.secrets.postgres import DatabaseSession, DatabaseUnavailable, database
from cluster.storefront.admission import record_refused
from cluster.storefront.checkout_intake import (
    CheckoutOrder,
    InvalidRequest,
    Outcome,
    accept_portion,
)
from cluster.storefront.journal.queries import entries_of
from cluster.storefront.products import Listing, is_listed, shelf
from cluster.storefront.repository import CheckoutRow, checkouts
from cluster.tracing.context import sampled
from compose.errors import Misuse, PlainError
from config.environment import acting_identity, load_trace_ratio
from config.waiting import constant, retry, wait_until

T = TypeVar("T")

TOGETHER: Final = 500  # checkouts accepted in one transaction
ALL_TRACED: Final = 100  # checkouts in one call; of more, LOAD_TRACE_RATIO is traced
PATIENCE: Final = 30.0  # seconds for a database that is starting again, or a product to appear
PAUSE: Final = 0.1  # seconds between two polls
# Seconds. Room appears as checkouts end. Each client waits from half to one and a half of this, so
# that several do not retry at the same moments.
ROOM_PAUSE: Final = 0.2
ROOM_PATIENCE: Final = 120.0  # seconds without any room: longer than any fault takes to heal


@dataclass(frozen=True, slots=True)
class Step:
    """An event of one checkout, in the order of the journal."""

    checkout: UUID
    service: str
    verb: str


class CheckoutClient:
    """The site's client for checkouts: starts them, and reads their states and events.

    Of the checkouts the part `trace_ratio` is traced, by default all of a few and some of many.
    Each call waits up to PATIENCE seconds for a database that is away, then raises
    DatabaseUnavailable.
    """

    def __init__(self, *, trace_ratio: float | None = None) -> None:
        self._trace_ratio = trace_ratio
        self._session = DatabaseSession(database("site", identity=acting_identity("site")))
        self._seen = 0

    def close(self) -> None:
        self._session.close()

    def order(
        self, wanted: Wanted, *, count: int, sku: str | None, quantity: int
    ) -> list[CheckoutOrder]:
        """Plan the checkouts, listing the product that a race is for.

        Raises PlainError, Misuse.
        """
        chosen = outcomes(wanted, count)
        if wanted is Wanted.LAST_ITEM_RACE and count < FEWEST_RACERS:
            raise Misuse(f"A race needs at least {FEWEST_RACERS} checkouts: add --count.")
        found = self._transact(lambda work: shelf(work.cursor))
        if sku is not None and sku not in {listing.sku for listing in found}:
            raise Misuse(_unknown_product(sku, found))
        if sku is None and not any(listing.restocked for listing in found):
            raise PlainError("No product has been listed yet: try again in a few seconds.")
        return plan(
            chosen,
            shelf=found,
            sku=sku,
            quantity=quantity,
            last_item=self._list_last_item() if Outcome.LAST_ITEM_RACE in chosen else None,
            visitors=_visitors(),
        )

    def accept(self, orders: Sequence[CheckoutOrder]) -> Iterator[int]:
        """Start the checkouts, as many at a time as there is room for.

        Yields after each try the number accepted so far: the same number again while it waits for
        room. Raises Misuse, and PlainError when there is no room for long.
        """
        accepted, give_up = 0, time.monotonic() + ROOM_PATIENCE
        ratio = self._ratio(len(orders))
        while accepted < len(orders):
            some = self.accept_now(orders[accepted : accepted + TOGETHER], trace_ratio=ratio)
            accepted += some
            yield accepted
            if some:
                give_up = time.monotonic() + ROOM_PATIENCE
            elif time.monotonic() > give_up:
                raise PlainError(
                    f"{accepted} of {len(orders)} checkouts were accepted, then none ended for "
                    f"{ROOM_PATIENCE:.0f} s: `python3 manage.py cluster status` says what is down."
                )
            if not some:
                time.sleep(ROOM_PAUSE * random.uniform(0.5, 1.5))  # noqa: S311 - not a secret

    def accept_now(
        self, orders: Sequence[CheckoutOrder], *, trace_ratio: float | None = None
    ) -> int:
        """Start as many of the first checkouts as there is room for and return their number.

        Raises Misuse.
        """
        ratio = self._ratio(len(orders)) if trace_ratio is None else trace_ratio
        try:
            return self._transact(
                lambda work: accept_portion(work, requests=orders), trace_ratio=ratio
            )
        except InvalidRequest as error:
            raise Misuse(str(error)) from error

    def refuse(self, count: int) -> None:
        """Count checkouts that had no room, and are not tried again."""
        self._transact(lambda work: record_refused(work, count))

    def states(self, ids: Sequence[UUID]) -> dict[UUID, CheckoutRow]:
        return {row.id: row for row in self._transact(lambda work: checkouts(work.cursor, ids))}

    def new_steps(self, ids: Sequence[UUID]) -> list[Step]:
        """Return the events about these checkouts since the last call."""
        entries = self._transact(lambda work: entries_of(work.cursor, ids, after=self._seen))
        self._seen = max([self._seen, *(entry.seq for entry in entries)])
        return [
            Step(entry.correlation, entry.source, entry.type.split(".")[1].replace("_", " "))
            for entry in entries
            if entry.type in REGISTRY and REGISTRY[entry.type].kind is Kind.EVENT
        ]

    def list_product(self, kind: str, *, name: str, price: int, stock: int) -> str:
        """Have a product of `kind` listed, and return its SKU once the site knows it.

        It is never restocked. Raises PlainError when catalog does not list it in time.
        """
        identifier = new_message_id()
        sku = f"{kind}-{identifier.hex[-8:].upper()}"
        product = ListProduct(sku=sku, name=name, price=price, stock=stock)

        def send(work: UnitOfWork) -> None:
            work.send(product, subject_id=identifier, correlation=identifier)

        self._transact(send)
        wait_until(
            lambda: self._transact(lambda work: is_listed(work.cursor, sku)),
            within=PATIENCE,
            every=PAUSE,
            failure=PlainError(
                f"The catalog has not listed {sku} within {PATIENCE:.0f} s: "
                "`python3 manage.py cluster status` says what is down."
            ),
        )
        return sku

    def _list_last_item(self) -> str:
        return self.list_product("LAST", name="Last of its kind", price=2_500, stock=1)

    def _ratio(self, count: int) -> float:
        if self._trace_ratio is not None:
            return self._trace_ratio
        return 1.0 if count <= ALL_TRACED else load_trace_ratio()

    def _transact(self, run: Callable[[UnitOfWork], T], *, trace_ratio: float = 1.0) -> T:
        """Run in one transaction, and again after a lost connection, since `run` is idempotent."""

        def once() -> T:
            with sampled(trace_ratio), unit_of_work(self._session, source="site") as work:
                return run(work)

        return retry(once, on=DatabaseUnavailable, pauses=constant(PAUSE, within=PATIENCE))


def _unknown_product(sku: str, found: Sequence[Listing]) -> str:
    known = ", ".join(sorted(listing.sku for listing in found if listing.restocked))
    return f"There is no product {sku!r}; " + (
        f"there are {known}." if known else "no product has been listed yet."
    )


def _visitors() -> Iterator[str]:
    while True:
        yield f"cli-{secrets.token_hex(6)}"
