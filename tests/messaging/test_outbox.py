"""The outbox on a real PostgreSQL: rows of the work's transaction, numbered without a gap."""

from __future__ import annotations

import threading
from typing import Any
from uuid import UUID

import psycopg
import pytest

from cluster.catalog.contract import StockReserved
from cluster.messaging.envelope import decode_envelope, new_message_id
from cluster.messaging.outbox import flush
from cluster.messaging.work import UnitOfWork
from cluster.secrets.postgres import DatabaseSession


def announce(connection: psycopg.Connection[Any], *subjects: UUID) -> None:
    """Announce one event about each subject, in the connection's open transaction."""
    work = UnitOfWork(connection, source="catalog")
    for subject in subjects:
        work.send(StockReserved(sku="MUG", quantity=1), subject_id=subject, correlation=subject)
    flush(work)


def sequences(scratch: DatabaseSession, subject: UUID) -> list[int]:
    with scratch.transaction() as connection:
        rows = connection.execute(
            "SELECT body FROM outbox WHERE subject = %s ORDER BY id", (f"reservation/{subject}",)
        ).fetchall()
    return [decode_envelope(bytes(row[0])).sequence for row in rows]


def test_messages_of_one_subject_are_numbered_from_one(scratch: DatabaseSession) -> None:
    subject, other = new_message_id(), new_message_id()

    with scratch.transaction() as connection:
        announce(connection, subject, other, subject)
    with scratch.transaction() as connection:
        announce(connection, subject)

    assert sequences(scratch, subject) == [1, 2, 3]
    assert sequences(scratch, other) == [1]


def test_a_rollback_takes_messages_and_numbers_with_it(scratch: DatabaseSession) -> None:
    subject = new_message_id()

    with pytest.raises(RuntimeError, match="changed my mind"):
        announce_and_fail(scratch, subject)
    with scratch.transaction() as connection:
        announce(connection, subject)

    assert sequences(scratch, subject) == [1]


def announce_and_fail(scratch: DatabaseSession, subject: UUID) -> None:
    with scratch.transaction() as connection:
        announce(connection, subject)
        raise RuntimeError("changed my mind")


def test_two_transactions_on_one_subject_are_numbered_in_commit_order(
    scratch: DatabaseSession,
) -> None:
    """The second transaction waits for the first, so its numbers and its rows come after."""
    subject = new_message_id()
    done = threading.Event()

    def second() -> None:
        with (
            scratch.database.connect() as connection,
            connection.transaction(),
        ):
            announce(connection, subject)
        done.set()

    with scratch.transaction() as connection:
        announce(connection, subject)
        thread = threading.Thread(target=second)
        thread.start()
        wait_until_blocked(scratch, connection)
        assert not done.is_set()
        announce(connection, subject)
    thread.join(timeout=10)

    assert sequences(scratch, subject) == [1, 2, 3]


def wait_until_blocked(scratch: DatabaseSession, blocker: psycopg.Connection[Any]) -> None:
    """Return once another session waits for a lock that `blocker` holds."""
    watcher = scratch.database.connect(autocommit=True)
    query = "SELECT count(*) FROM pg_stat_activity WHERE %s = ANY(pg_blocking_pids(pid))"
    for _ in range(10_000):
        row = watcher.execute(query, (blocker.info.backend_pid,)).fetchone()
        if row and row[0]:
            watcher.close()
            return
    raise AssertionError("nobody waited for the lock")
