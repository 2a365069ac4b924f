"""Real checkouts through the running platform: a load, and one at a time on an idle cluster."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final, TypeVar
from uuid import UUID

from chaos.benchmarks.document import Figures, percentile
from chaos.benchmarks.processor_time import Stopwatch
from cluster.messaging.envelope import new_message_id
from cluster.messaging.outbox import unit_of_work
from cluster.secrets.postgres import Cursor, DatabaseSession, database
from cluster.storefront.admission import Overloaded
from cluster.storefront.checkout_intake import CheckoutOrder, accept_checkouts
from cluster.storefront.journal.queries import Entry, count_entries, entries_of
from cluster.storefront.products import restocked_products
from cluster.storefront.repository import count_open, statuses
from cluster.tracing.context import sampled
from compose.errors import PlainError
from config.waiting import wait_until

T = TypeVar("T")

BATCH: Final = 100  # checkouts accepted in one transaction
# At most this many checkouts in flight: enough for full batches everywhere, and few enough that
# none waits in a queue for longer than a step's deadline.
UNDER_WAY: Final = 400
LOOK: Final = 0.05  # seconds between two queries during a load
GLANCE: Final = 0.01  # seconds between two queries on a single checkout
# A tenth of the lowest rate on a machine of this kind: below it, something is broken.
SLOWEST: Final = 3  # checkouts per second
LONGEST_SINGLE: Final = 30.0  # seconds

# Events after the completion: a completed checkout is over when both are in the journal.
CONSEQUENCES: Final = ("identity.limit_spent.v1", "catalog.stock_sold.v1")
COMPLETION: Final = "checkout.checkout_completed.v1"

Found = TypeVar("Found")


class Shop:
    """The bench's access to the site's database, to start checkouts and read their results."""

    def __init__(self) -> None:
        self._session = DatabaseSession(database("site", identity="site"))
        self.products = self.read(restocked_products)
        if not self.products:
            raise PlainError("No product has been listed yet: try again in a few seconds.")

    def measure_load(self, count: int) -> Figures:
        """Take `count` checkouts through the platform at full speed, and return the figures.

        Measured from the first acceptance until the last saga has ended and all events that
        follow are in the journal, to within LOOK seconds.
        """
        visitors = f"bench-{new_message_id().hex[-12:]}"
        orders = self._orders(count, visitors)
        ids = [order.id for order in orders]
        processors = Stopwatch()
        began, give_up = datetime.now(UTC), time.monotonic() + 30 + count / SLOWEST
        start = time.monotonic()
        for first in range(0, count, BATCH):
            self._wait_until_fewer(UNDER_WAY - BATCH + 1, began, visitors, give_up)
            self._accept_when_there_is_room(orders[first : first + BATCH], give_up)
        self._wait_until_fewer(1, began, visitors, give_up)
        completed = self.read(lambda cursor: statuses(cursor, ids))["completed"]
        await_condition(lambda: self._recorded(ids, CONSEQUENCES) >= 2 * completed, give_up)
        seconds = time.monotonic() - start
        cost = processors.seconds()
        events = self._recorded(ids)
        return {
            "checkouts_per_second": round(count / seconds, 1),
            "events_per_second": round(events / seconds, 1),
            "seconds": round(seconds, 2),
            "checkouts": count,
            "completed": completed,
            "events": events,
            "cpu_ms_per_checkout": cost and round(1000 * cost / count, 2),
        }

    def measure_idle(self, count: int) -> Figures:
        """Run `count` checkouts one after another, each timed from the commit of its acceptance.

        `p50_ms` and `p99_ms` end when the site's journal records the completion, after
        checkout's commit, relay, broker and journal: the time that a visitor sees. `decided`
        ends when the saga's completing transaction began. All clocks are this machine's.
        """
        seen, decided = [], []
        for order in self._orders(count, f"bench-{new_message_id().hex[-12:]}"):
            self._accept([order])
            accepted = datetime.now(UTC)
            decided_at, recorded_at = self._completion(order.id)
            decided.append((decided_at - accepted).total_seconds() * 1000)
            seen.append((recorded_at - accepted).total_seconds() * 1000)
        return {
            "p50_ms": round(percentile(seen, 50), 1),
            "p99_ms": round(percentile(seen, 99), 1),
            "decided_p50_ms": round(percentile(decided, 50), 1),
            "decided_p99_ms": round(percentile(decided, 99), 1),
            "checkouts": count,
        }

    def close(self) -> None:
        self._session.close()

    def _orders(self, count: int, visitors: str) -> list[CheckoutOrder]:
        """Return orders of as many visitors, over all products in turn."""
        return [
            CheckoutOrder(
                visitor=f"{visitors}-{number}", sku=self.products[number % len(self.products)]
            )
            for number in range(count)
        ]

    def _accept_when_there_is_room(self, orders: Sequence[CheckoutOrder], end: float) -> None:
        def accepted() -> bool:
            try:
                self._accept(orders)
            except Overloaded:
                return False
            return True

        await_condition(accepted, end)

    def _accept(self, orders: Sequence[CheckoutOrder]) -> None:
        with sampled(0.0), unit_of_work(self._session, source="site") as work:
            accept_checkouts(work, requests=orders)

    def _wait_until_fewer(self, limit: int, since: datetime, visitors: str, end: float) -> None:
        def count(cursor: Cursor) -> int:
            return count_open(cursor, since=since, visitors=f"{visitors}-")

        await_condition(lambda: self.read(count) < limit, end)

    def _completion(self, checkout: UUID) -> tuple[datetime, datetime]:
        def look(cursor: Cursor) -> list[Entry]:
            return entries_of(cursor, [checkout], types=[COMPLETION])

        end = time.monotonic() + LONGEST_SINGLE
        found = await_condition(lambda: self.read(look), end, every=GLANCE)
        return found[0].time, found[0].recorded_at

    def _recorded(self, ids: Sequence[UUID], types: Sequence[str] | None = None) -> int:
        return self.read(lambda cursor: count_entries(cursor, ids, types=types))

    def read(self, look: Callable[[Cursor], Found]) -> Found:
        """Return what `look` finds in the site's database, in one transaction."""
        with self._session.transaction() as connection:
            return look(connection.cursor())


def await_condition(condition: Callable[[], T], end: float, *, every: float = LOOK) -> T:
    """Return the first true value of `condition`, or raise PlainError at `end`."""
    return wait_until(
        condition,
        within=end - time.monotonic(),
        every=every,
        failure=PlainError(
            "The checkouts of the bench did not complete in time: "
            "`python3 manage.py cluster status` says what is down."
        ),
    )
