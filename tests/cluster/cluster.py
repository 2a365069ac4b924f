"""The running cluster for fault tests, which load it, break it, wait and check it."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg

from cluster.health.checkers.finding import Outcome
from cluster.health.checkers.verify import Verdict, verify
from cluster.operations.checkout_client import CheckoutClient
from cluster.operations.plan import Wanted
from cluster.operations.queues import broker_connection, queue_depths
from cluster.secrets.postgres import Database, DatabaseUnavailable, database
from cluster.services import load_all
from cluster.storefront.checkout_intake import CheckoutOrder
from compose.supervisor import Supervisor, SupervisorError
from tests.conditions import eventually

# From the last kill to the end of the last saga: the broker's restart, the longest
# deadline, and compensation, on a machine that runs everything on two cores.
TO_THE_END = 120.0


class Cluster:
    """The platform of the test session."""

    verdict_comes_later = False  # set for a part of the suite (tests/conftest.py)

    def __init__(self) -> None:
        self.supervisor = Supervisor.connect()
        self.counter = CheckoutClient()

    def start_checkouts(
        self,
        count: int,
        wanted: Wanted = Wanted.SUCCESS,
        *,
        sku: str | None = None,
        quantity: int = 1,
    ) -> list[UUID]:
        """Have `count` checkouts accepted, and return their ids."""
        orders = self.counter.order(wanted, count=count, sku=sku, quantity=quantity)
        assert list(self.counter.accept(orders))[-1] == count
        return [order.id for order in orders]

    def start_for(self, visitor: str, cards: Sequence[str] = ("tok_ok",)) -> list[UUID]:
        """Have one checkout of a visitor accepted for each card, and return their ids."""
        orders = [CheckoutOrder(visitor=visitor, sku="MUG-ENAMEL", card=card) for card in cards]
        assert list(self.counter.accept(orders))[-1] == len(orders)
        return [order.id for order in orders]

    def rows(self, name: str, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Return rows of one service's database, read with the auditor's credentials."""
        with self._auditor(name).connect(autocommit=True) as connection:
            return connection.execute(query, parameters).fetchall()

    def rows_when_up(self, name: str, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Return the rows as `rows` does, from a database that may be starting again."""

        def read() -> list[list[tuple[Any, ...]]]:
            try:
                return [self.rows(name, query, *parameters)]
            except (DatabaseUnavailable, psycopg.Error):
                return []

        return eventually(read, within=60.0)[0]

    def saga_states(self, ids: Sequence[UUID]) -> Counter[str]:
        query = "SELECT state FROM saga WHERE id = ANY(%s)"
        return Counter(state for (state,) in self.rows_when_up("checkout", query, list(ids)))

    def await_in_flight(self, ids: Sequence[UUID], *, at_least: int) -> None:
        """Return once at least `at_least` of the checkouts have begun."""
        eventually(lambda: self.saga_states(ids).total() >= at_least)

    def await_ended(self, ids: Sequence[UUID]) -> Counter[str]:
        """Return how many checkouts ended in each state.

        Raises DeadlineMissed when one has not ended in time.
        """

        def ended() -> Counter[str] | None:
            states = self.saga_states(ids)
            done = states["completed"] + states["compensated"]
            return states if done == len(ids) else None

        return eventually(ended, within=TO_THE_END, every=0.25) or Counter()

    def kill(self, name: str) -> None:
        """SIGKILL one process by its pid, and return once the supervisor has started it again."""
        before = self.supervisor.kill(name, signal.SIGKILL)

        def back() -> bool:
            try:
                found = self.supervisor.process(name)
            except SupervisorError:
                return False
            return found.status == "running" and found.pid != before

        eventually(back, within=60.0)

    @contextmanager
    def stopped(self, name: str) -> Iterator[None]:
        """Keep a process stopped for the length of the block."""
        self.supervisor.stop(name)
        try:
            yield
        finally:
            self.supervisor.start(name)

    @contextmanager
    def paused(self, name: str) -> Iterator[None]:
        """Keep a process paused, and those that it has started, for the length of the block."""
        self.supervisor.signal_tree(name, signal.SIGSTOP)
        try:
            yield
        finally:
            self.supervisor.signal_tree(name, signal.SIGCONT)

    def verdict(self, *, wait: float = 60.0) -> Verdict:
        """Examine every invariant, after at most `wait` seconds in which messages are in flight."""
        services = load_all()

        def ready() -> dict[str, int] | None:
            try:
                with broker_connection() as connection:
                    return {q.name: q.ready for q in queue_depths(connection, services)}
            except OSError:
                return None  # the broker is starting again

        def ready_when_up() -> dict[str, int]:
            return eventually(ready, within=60.0) or {}

        def examined() -> Verdict | None:
            try:
                return verify(services, queues=ready_when_up, wait=wait)
            except (DatabaseUnavailable, psycopg.OperationalError):
                return None  # the database that was killed last is starting again

        verdict = eventually(examined, within=wait + 60.0)
        assert verdict is not None, "eventually() returns what it waited for"
        return verdict

    def assert_conserved(self) -> None:
        """Assert that no invariant is violated.

        A part of the suite asks once, after all of its tests, since a violation stays in the rows.
        """
        if not self.verdict_comes_later:
            self.assert_conserved_now()

    def assert_conserved_now(self) -> None:
        """Assert that no invariant is violated. The failure shows the counterexamples."""
        violations = {
            finding.name: finding.counterexamples
            for finding in self.verdict().findings
            if finding.outcome is Outcome.FAIL
        }
        assert violations == {}

    def _auditor(self, name: str) -> Database:
        return database(name, auditor=True)
