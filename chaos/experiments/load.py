"""The load of an experiment: checkouts handed in at a steady rate by a client that retries."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from uuid import UUID

from cluster.operations.checkouts import Counter
from cluster.operations.plan import Wanted
from cluster.secrets.postgres import DatabaseUnavailable
from portfolio.requests import CheckoutOrder


@dataclass
class Load:
    """Started with `begin`, ended with `end`; `refused` were never accepted, so owe nothing."""

    rate: float  # checkouts a second
    accepted: list[UUID] = field(default_factory=list)
    refused: int = 0

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)
        self._counter = Counter()
        # Planned before anything breaks: prices and shelves are read here.
        self._orders = iter(
            self._counter.order(Wanted.SUCCESS, count=self._most(), sku=None, quantity=1)
        )

    def begin(self) -> None:
        self._thread.start()

    def end(self) -> None:
        """Hand in no more; returns when the last one has been answered."""
        self._stop.set()
        self._thread.join()

    def _most(self) -> int:
        return max(1, int(self.rate * LONGEST))

    def _run(self) -> None:
        started = time.monotonic()
        for number, order in enumerate(self._orders):
            due = started + number / self.rate
            if self._stop.wait(max(0.0, due - time.monotonic())):
                return
            self._hand_in(order)

    def _hand_in(self, order: CheckoutOrder) -> None:
        try:
            for _ in self._counter.accept([order]):
                self.accepted.append(order.id)
        except DatabaseUnavailable:
            self.refused += 1


LONGEST = 150.0  # seconds; no experiment loads the platform for longer
