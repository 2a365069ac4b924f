"""The load of an experiment: checkouts of client threads that retry after a lost connection."""

from __future__ import annotations

import random
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Final
from uuid import UUID

from chaos.experiments.experiment import Profile
from chaos.experiments.incident import Offered
from cluster.operations.checkout_client import CheckoutClient
from cluster.operations.plan import Wanted
from cluster.secrets.postgres import DatabaseUnavailable
from cluster.storefront.checkout_intake import CheckoutOrder
from cluster.storefront.repository import CheckoutRow
from config.environment import load_trace_ratio

LONGEST: Final = 200.0  # seconds: no experiment loads the platform for longer
BURST_THREADS: Final = 8
TRIES: Final = 4  # times that each thread of a retry storm starts each checkout

STORMED: Final = 25  # checkouts of a retry storm
BUYERS: Final = 60  # of a flash sale
ON_SALE: Final = 8  # items of a flash sale
SALE_PRICE: Final = 1_500  # pence
POISONED_EVERY: Final = 5  # orders
# The visitors whose orders the fault `poison-order` makes inapplicable.
POISONED: Final = "poisoned-"


class Load:
    """The load of one run, from `begin` to `end`. A refused checkout was never accepted.

    The constructor plans its orders: it reads prices and stock before anything breaks.
    """

    def __init__(self, profile: Profile, rate: float) -> None:
        self.profile = profile
        self.rate = rate  # checkouts per second, unless it is a burst
        self.handed_in = 0
        self._refused = 0
        self._accepted: dict[UUID, None] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        orders = orders_for(profile, most=max(1, int(rate * LONGEST)))
        self._threads = [
            threading.Thread(target=run, args=(some,), name="load", daemon=True)
            for run, some in self._shares(orders)
        ]

    @property
    def accepted(self) -> list[UUID]:
        """The checkouts that the site has accepted, each once."""
        with self._lock:
            return list(self._accepted)

    @property
    def refused(self) -> int:
        return self._refused

    def begin(self) -> None:
        for thread in self._threads:
            thread.start()

    def add(self, order: CheckoutOrder) -> None:
        """Hand in one order beside those of the profile, always traced."""
        with closing(CheckoutClient(trace_ratio=1.0)) as counter:
            self._hand_in(counter, order)

    def end(self) -> None:
        """Start no more checkouts, and return when the last one has been answered."""
        self._stop.set()
        self.wait()

    def wait(self, *, within: float | None = None) -> bool:
        """Wait until every checkout has been started.

        Returns False when it took longer than `within` seconds.
        """
        end = None if within is None else time.monotonic() + within
        for thread in self._threads:
            if thread.ident is None:
                continue  # it never began
            thread.join(None if end is None else max(0.0, end - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def offered(self) -> Offered:
        """Return the figures of the load."""
        accepted = len(self.accepted)
        return Offered(
            profile=str(self.profile),
            handed_in=self.handed_in,
            accepted=accepted,
            refused=self._refused,
            repeated=max(0, self.handed_in - accepted - self._refused),
        )

    def disappointments(self, states: Mapping[UUID, CheckoutRow]) -> list[str]:
        """Return a sentence for each outcome that the profile expects and that did not come."""
        completed = sum(state.status == "completed" for state in states.values())
        if self.profile is Profile.FLASH_SALE and completed != ON_SALE:
            return [f"{completed} checkouts bought one of the {ON_SALE} items of the flash sale."]
        if self.profile is Profile.RETRY_STORM and completed != len(states):
            return [f"Of {len(states)} checkouts of the retry storm {completed} completed."]
        return []

    def _shares(
        self, orders: Sequence[CheckoutOrder]
    ) -> Iterator[tuple[Callable[[Sequence[CheckoutOrder]], None], Sequence[CheckoutOrder]]]:
        """Yield the function of each thread, with its orders."""
        if not self.profile.is_burst:
            yield self._pace, orders
            return
        for number in range(BURST_THREADS):
            if self.profile is Profile.RETRY_STORM:
                yield self._rush, random.sample(list(orders) * TRIES, len(orders) * TRIES)
            else:
                yield self._rush, orders[number::BURST_THREADS]

    def _pace(self, orders: Sequence[CheckoutOrder]) -> None:
        started = time.monotonic()
        with closing(CheckoutClient(trace_ratio=load_trace_ratio())) as counter:
            for number, order in enumerate(orders):
                due = started + number / self.rate
                if self._stop.wait(max(0.0, due - time.monotonic())):
                    return
                self._hand_in(counter, order)

    def _rush(self, orders: Sequence[CheckoutOrder]) -> None:
        with closing(CheckoutClient(trace_ratio=load_trace_ratio())) as counter:
            for order in orders:
                if self._stop.is_set():
                    return
                self._hand_in(counter, order)

    def _hand_in(self, counter: CheckoutClient, order: CheckoutOrder) -> None:
        try:
            accepted = counter.accept_now([order])
            if not accepted:
                counter.refuse(1)
            with self._lock:
                if accepted:
                    self._accepted[order.id] = None
                else:
                    self._refused += 1
        except DatabaseUnavailable:
            with self._lock:
                self._refused += 1
        finally:
            with self._lock:
                self.handed_in += 1


def orders_for(profile: Profile, *, most: int) -> list[CheckoutOrder]:
    """Return the orders in the sequence in which they are started.

    `most` limits a load that the clock ends. Raises PlainError when there is nothing to sell,
    and DatabaseUnavailable.
    """
    client = CheckoutClient()
    if profile is Profile.FLASH_SALE:
        sku = client.list_product("SALE", name="Of the flash sale", price=SALE_PRICE, stock=ON_SALE)
        return [
            CheckoutOrder(visitor=f"buyer-{secrets.token_hex(6)}", sku=sku) for _ in range(BUYERS)
        ]
    wanted = Wanted.MIXED if profile is Profile.MIXED else Wanted.SUCCESS
    count = STORMED if profile is Profile.RETRY_STORM else most
    orders = client.order(wanted, count=count, sku=None, quantity=1)
    return _poisoned(orders) if profile is Profile.POISON else orders


def order_of(visitor: str) -> CheckoutOrder:
    """Return an order of one visitor that should complete.

    Raises PlainError when there is nothing to sell, and DatabaseUnavailable.
    """
    with closing(CheckoutClient()) as client:
        [order] = client.order(Wanted.SUCCESS, count=1, sku=None, quantity=1)
    return replace(order, visitor=visitor)


def _poisoned(orders: list[CheckoutOrder]) -> list[CheckoutOrder]:
    return [
        replace(order, visitor=f"{POISONED}{secrets.token_hex(6)}")
        if number % POISONED_EVERY == 0
        else order
        for number, order in enumerate(orders, start=1)
    ]
