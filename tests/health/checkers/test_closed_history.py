"""Every invariant closes over opening balances and kept rows, whichever service has closed what.

The real databases are examined at a moment of rest, in transactions that are rolled back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any, Final

import psycopg
import pytest

from cluster.health.checkers.finding import Finding
from cluster.health.closing import closing_of
from cluster.messaging.work import UnitOfWork
from cluster.services import load
from config.environment import DATABASES
from tests.health.checkers.test_checkers_can_fail import Bench, bench, failing
from tests.sampling import all_in_full

__all__ = ["bench"]
pytestmark = pytest.mark.alone  # a moment at rest is rare under the load of other tests

# What grows with the checkouts, and has nothing left when all of them are closed.
GROWING: Final = {
    "site": ("checkout_request", "refund_request", "erasure_request"),
    "identity": ("hold", "spend", "limit_restoration", "erasure"),
    "catalog": ("reservation", "sale", "stock_return"),
    "orders": ("orders", "refund"),
    "payments": ("payment", "ledger_entry", "refund"),
    "checkout": ("saga",),
}
MIDDLE: Final = "SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY ended_at) FROM saga"


@contextmanager
def closed(
    bench: Bench, databases: Sequence[str] = DATABASES, before: datetime | None = None
) -> Iterator[None]:
    """Close all that ended before a moment, by default now, in some databases."""
    with ExitStack() as stack:
        for name in databases:
            connection = bench.connection(name)
            stack.enter_context(connection.transaction(force_rollback=True))
            work = UnitOfWork(connection, source=name)
            while closing_of(load(name)).close(work, before=before or datetime.now(UTC)):
                pass
        yield


@contextmanager
def replayed(bench: Bench) -> Iterator[None]:
    """Have every dead letter replayed: what one is about stays open, whichever test has left it."""
    with ExitStack() as stack:
        for name in DATABASES:
            connection = bench.connection(name)
            stack.enter_context(connection.transaction(force_rollback=True))
            connection.execute("UPDATE dead_letter SET replayed_at = now()")
        yield


def holds(findings: dict[str, Finding]) -> bool:
    assert failing(findings) == {}
    return not any(finding.unknown for finding in findings.values())


def count(connection: psycopg.Connection[Any], table: str) -> int:
    (rows,) = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone() or (0,)
    return int(rows)


def test_all_that_has_ended_leaves_balances_over_which_every_invariant_closes(
    bench: Bench,
) -> None:
    with replayed(bench), closed(bench):
        left = {
            f"{name}.{table}": rows
            for name, tables in GROWING.items()
            for table in tables
            if (rows := count(bench.connection(name), table))
        }
        assert left == {}
        assert holds(bench.examine())
    assert holds(bench.examine())


@pytest.mark.parametrize(
    "databases", [("site", "payments", "identity"), ("catalog", "orders", "checkout")]
)
def test_services_may_close_the_same_history_at_different_times(
    bench: Bench, databases: tuple[str, ...]
) -> None:
    with closed(bench, databases):
        assert holds(bench.examine())


def test_what_is_younger_than_the_horizon_is_kept(bench: Bench) -> None:
    checkout = bench.connection("checkout")
    (middle,) = checkout.execute(MIDDLE).fetchone() or (None,)
    sagas = count(checkout, "saga")

    with closed(bench, before=middle):
        assert 0 < count(checkout, "saga") < sagas
        assert holds(bench.examine())


def test_a_visitor_may_be_forgotten_when_some_services_have_closed_the_checkouts(
    bench: Bench,
) -> None:
    with closed(bench, ("site", "payments", "orders")):
        for name, change in (
            (
                "checkout",
                """UPDATE saga SET context = context || '{"visitor": "x", "card": "x"}'""",
            ),
            ("identity", "UPDATE hold SET visitor = 'x'"),
        ):
            bench.connection(name).execute(change.encode())
        assert holds(bench.examine())


def test_a_kept_row_that_was_deleted_is_missed_though_others_have_closed_it(bench: Bench) -> None:
    with closed(bench, [name for name in DATABASES if name != "catalog"]):
        change = "DELETE FROM sale WHERE id = (SELECT min(id::text)::uuid FROM sale) RETURNING id"
        (sale,) = bench.connection("catalog").execute(change.encode()).fetchone() or (None,)

        found = failing(bench.examine())

    assert set(found) == {
        "stock conserved", "sales match checkouts", "state and messages agree: catalog",
    }  # fmt: skip
    assert "what was closed" in found["sales match checkouts"][0], (sale, found)


@pytest.mark.timeout(600)  # one audit for each balance
@pytest.mark.parametrize("database", all_in_full(DATABASES, always=("payments",)))
def test_every_balance_that_is_tampered_with_is_found(bench: Bench, database: str) -> None:
    connection = bench.connection(database)
    with closed(bench):
        for table, names, change in (
            ("opening_balance", "name", "amount = amount + 1"),
            ("opening_digest", "relation", "hashes = hashes + 1"),
        ):
            query = f"SELECT DISTINCT {names} FROM {table}"
            for (name,) in connection.execute(query.encode()).fetchall():
                with connection.transaction(force_rollback=True):
                    connection.execute(
                        f"UPDATE {table} SET {change} WHERE ctid = (SELECT ctid FROM {table}"
                        f" WHERE {names} = %s LIMIT 1)".encode(),
                        (name,),
                    )
                    assert failing(bench.examine()), f"nobody has noticed {table} {name}: {change}"
