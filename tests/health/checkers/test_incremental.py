"""A verdict that reads what changed since a checkpoint finds what one that reads all would find.

The databases are private ones with the platform's tables and a history of their own. Changes are
made in transactions of the superuser that are rolled back, past every constraint and trigger.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
import psycopg
import pytest

from chaos.benchmarks.history import KnownBooks, add_checkouts, books_of
from chaos.benchmarks.scratch import copy_tables
from cluster.health.checkers.audit import examine
from cluster.health.checkers.audited import AUDITED
from cluster.health.checkers.changes import Search, search, search_all
from cluster.health.checkers.checkpoint import Checkpoint, Reading, UnusableCheckpoint
from cluster.health.checkers.finding import Outcome
from cluster.health.checkers.narrowed import narrowed
from cluster.health.checkers.snapshot import Snapshots
from cluster.services import load_all
from config.environment import DATABASES
from tests.databases import superuser_address
from tests.health.checkers.columns import change_of, reason_of
from tests.sampling import only_in_full

pytestmark = pytest.mark.platform

OLD: Final = 40  # checkouts before the checkpoint
NEW: Final = 6  # and after it
COLUMNS: Final = """
    SELECT column_name, data_type FROM information_schema.columns
     WHERE table_schema = 'public' AND table_name = %s ORDER BY ordinal_position
"""
CONSTRAINTS: Final = """
    SELECT conname FROM pg_constraint
     WHERE conrelid = %s::regclass AND contype IN ('c', 'u', 'p')
"""


class History:
    """Six databases with a history, a checkpoint, and what was added since."""

    def __init__(self, name: str) -> None:
        self._name = name
        connections = {database: self._connect(database) for database in DATABASES}
        add_checkouts(connections, 1, OLD)
        self.first = self.checkpoint()
        add_checkouts(connections, OLD + 1, OLD + NEW)
        for connection in connections.values():
            connection.close()

    def checkpoint(self) -> Checkpoint:
        with Snapshots(self._connect) as snapshots:
            return search_all(snapshots).checkpoint(by="a test")

    def change(self, database: str, statement: str) -> None:
        with self._connect(database) as connection:
            connection.execute(statement.encode())

    def search(self, since: Checkpoint) -> Search:
        with Snapshots(self._connect) as snapshots:
            return search(snapshots, since)

    def verdicts(
        self, since: Checkpoint, *changes: tuple[str, str]
    ) -> tuple[set[str], set[str], Reading]:
        """Return what a full and an incremental verdict find after some changes, and undo these."""
        connections: dict[str, psycopg.Connection[Any]] = {}

        def connect(database: str) -> psycopg.Connection[Any]:
            connections[database] = self._connect(database)
            return connections[database]

        with Snapshots(connect) as snapshots:
            books = books_of(snapshots)
            for database, statement in changes:
                connections[database].execute("SET LOCAL session_replication_role = replica")
                connections[database].execute(statement.encode())
            view, _, reading = narrowed(snapshots, since)
            return failing(snapshots, books), failing(view, books), reading

    def _connect(self, database: str) -> psycopg.Connection[Any]:
        return psycopg.connect(f"{superuser_address(database)}/{self._name}")


def failing(snapshots: Snapshots, books: KnownBooks) -> set[str]:
    findings = examine(snapshots, load_all(), books)
    return {finding.name for finding in findings if finding.outcome is Outcome.FAIL}


@pytest.fixture(scope="module")
def history(platform: None) -> Iterator[History]:
    name = f"history_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
    for statement in (f"DROP DATABASE IF EXISTS {name} WITH (FORCE)", f"CREATE DATABASE {name}"):
        _on_each_server(statement)
    copy_tables(name)
    yield History(name)
    _on_each_server(f"DROP DATABASE {name} WITH (FORCE)")


def _on_each_server(statement: str) -> None:
    for database in DATABASES:
        address = f"{superuser_address(database)}/postgres"
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(statement.encode())


def test_ordinary_changes_are_read_and_nothing_else(history: History) -> None:
    full, incremental, reading = history.verdicts(history.first)

    found = history.search(history.first)
    assert (full, incremental) == (set(), set())
    assert reading.since == history.first
    assert reading.rows == found.rows
    assert {row.settled for row in found.tables["checkout"]["saga"].changed} == {True}
    assert len(found.tables["checkout"]["saga"].changed) == NEW


def test_the_checkpoint_of_an_incremental_verdict_vouches_for_both(history: History) -> None:
    second = history.search(history.first).checkpoint(by="another")

    assert history.search(second).rows == 0
    assert counts(second) == counts(history.checkpoint())


def counts(checkpoint: Checkpoint) -> dict[str, dict[str, int]]:
    return {
        name: {
            table: sum(rows.count for rows in buckets.values()) for table, buckets in found.items()
        }
        for name, found in checkpoint.tables.items()
    }


def test_what_was_in_flight_at_the_checkpoint_is_read_again(history: History) -> None:
    """It may never move again: a verdict that left it aside does not vouch for it."""
    with history._connect("checkout") as connection:
        [(id_,)] = connection.execute("SELECT id::text FROM saga ORDER BY id LIMIT 1").fetchall()

    second = history.search(history.first).checkpoint(by="another", pending=[id_])

    found = history.search(second)
    assert (found.rows, set(found.ids)) == (0, {id_})


def test_a_change_from_before_the_checkpoint_is_found_by_a_full_verdict_alone(
    history: History,
) -> None:
    """The checkpoint is forced here: a verdict that finds a violation gives none."""
    oldest = "SELECT id FROM saga ORDER BY started_at LIMIT 1"
    history.change("checkout", f"UPDATE saga SET position = position - 1 WHERE id = ({oldest})")
    vouching = history.checkpoint()
    newest = "SELECT id FROM sale ORDER BY at DESC LIMIT 1"
    tampering = f"UPDATE sale SET quantity = quantity + 1 WHERE id = ({newest})"
    try:
        full, incremental, reading = history.verdicts(vouching, ("catalog", tampering))
    finally:
        history.change("checkout", f"UPDATE saga SET position = position + 1 WHERE id = ({oldest})")

    assert full == {"rows consistent: checkout", "sales match checkouts", "stock conserved"}
    assert incremental == {"sales match checkouts", "stock conserved"}
    assert reading.sentence == (
        f"Read 1 row changed since {vouching.time}; rows from before are vouched for by the "
        "checkpoint of a test; `--full` reads everything."
    )


@pytest.mark.parametrize(
    ("database", "statement", "told"),
    [
        (
            "catalog",
            "DELETE FROM sale WHERE id = (SELECT id FROM sale ORDER BY at LIMIT 1)",
            "sale",
        ),
        (
            "payments",
            """UPDATE ledger_entry SET payment = gen_random_uuid()
                WHERE id = (SELECT min(id) FROM ledger_entry)""",
            "ledger_entry",
        ),
        ("checkout", "UPDATE outbox_stream SET subject = subject || 'x'", "outbox_stream"),
    ],
    ids=["deleted", "moved to another checkout", "renamed"],
)
def test_a_row_that_has_left_its_table_leads_to_a_full_reading(
    history: History, database: str, statement: str, told: str
) -> None:
    full, incremental, reading = history.verdicts(history.first, (database, statement))

    assert full
    assert incremental == full
    assert reading.sentence == (f"Read every row: rows have left the table {told} of {database}.")


def test_an_entry_that_was_replaced_leads_to_a_full_reading(history: History) -> None:
    """The journal counts on without a gap, and the lost entry's stream has not changed."""
    replaced = """UPDATE journal SET subject = 'order/' || gen_random_uuid()
                   WHERE seq = (SELECT min(seq) + 5 FROM journal)"""

    full, incremental, reading = history.verdicts(history.first, ("site", replaced))

    assert "nothing lost" in full
    assert incremental == full
    assert reading.because == "entries of the journal were deleted or rewritten"


def test_a_pruned_journal_has_lost_nothing(history: History) -> None:
    pruned = "DELETE FROM journal WHERE seq < (SELECT min(seq) + 50 FROM journal)"

    _, _, reading = history.verdicts(history.first, ("site", pruned))

    assert reading.since == history.first


@pytest.mark.parametrize(
    ("position", "because"),
    [
        ({"database": "another"}, "the database orders is another one than at the checkpoint"),
        ({"xmin": 2**40}, "the transactions of orders do not follow the checkpoint's"),
        ({"xmin": -(2**31)}, "the transactions of orders do not follow the checkpoint's"),
    ],
    ids=["restored elsewhere", "set back", "wrapped around"],
)
def test_a_checkpoint_of_another_history_is_not_used(
    history: History, position: Mapping[str, Any], because: str
) -> None:
    orders = msgspec.structs.replace(history.first.positions["orders"], **position)
    foreign = msgspec.structs.replace(
        history.first, positions={**history.first.positions, "orders": orders}
    )

    with pytest.raises(UnusableCheckpoint, match=because):
        history.search(foreign)


def test_a_checkpoint_that_does_not_know_a_table_is_not_used(history: History) -> None:
    tables = {name: dict(found) for name, found in history.first.tables.items()}
    del tables["orders"]["refund"]

    with pytest.raises(UnusableCheckpoint, match="of another revision"):
        history.search(msgspec.structs.replace(history.first, tables=tables))


def test_a_row_of_a_transaction_in_flight_at_the_checkpoint_is_read(history: History) -> None:
    """Its transaction id is older than others that have ended, and it is committed after them."""
    newest = "SELECT id FROM orders ORDER BY created_at DESC LIMIT 1"
    with history._connect("orders") as open_:
        open_.execute(f"UPDATE orders SET amount = amount WHERE id = ({newest})".encode())
        checkpoint = history.checkpoint()

    found = history.search(checkpoint).tables["orders"]["orders"].changed

    assert [row.settled for row in found] == [True]


SEEDS: Final = [*range(12), *(only_in_full(seed) for seed in range(12, 200))]


@pytest.mark.parametrize("seed", SEEDS)
def test_random_tampering_is_found_by_both(history: History, seed: int) -> None:
    """One to three changes of any column, or deletions, of old and new rows in any database."""
    chance = random.Random(seed)
    changes = [tampering(history, chance) for _ in range(chance.randint(1, 3))]

    try:
        full, incremental, reading = history.verdicts(history.first, *changes)
    except (psycopg.errors.UniqueViolation, psycopg.errors.CheckViolation):
        return  # the database has refused it

    print(changes, reading.sentence)
    assert incremental == full


def tampering(history: History, chance: random.Random) -> tuple[str, str]:
    """Return a change of one row that stood there at the checkpoint or came after it."""
    database = chance.choice(DATABASES)
    tables = [audited.table for audited in AUDITED[database]]
    table = chance.choice([*tables, "journal"] if database == "site" else [*tables, "inbox"])
    with history._connect(database) as connection:
        rows = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchall()[0][0]
        columns = connection.execute(COLUMNS.encode(), (table,)).fetchall()
    row = f"ctid = (SELECT ctid FROM {table} OFFSET {chance.randrange(max(1, rows))} LIMIT 1)"
    if chance.random() < 0.3:
        return database, f"DELETE FROM {table} WHERE {row}"
    column, type_ = chance.choice([c for c in columns if not reason_of(table, c[0])])
    changed = change_of(table, column, type_)
    return database, f'UPDATE {table} SET "{column}" = {changed} WHERE {row}'
