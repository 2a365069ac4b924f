"""A service closes the streams of what has ended, and applies nothing more to it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import psycopg
import pytest

from cluster.messaging.envelope import Envelope, first_id_at
from cluster.messaging.history import Closing, History, Relation
from cluster.messaging.work import UnitOfWork
from cluster.secrets.postgres import DatabaseSession
from tests.messaging.messages import reserve_stock
from tests.messaging.shelf import Shelf

NOW = datetime.now(UTC)
HORIZON = NOW - timedelta(days=30)
APPLIED = Relation("applied", "SELECT '', 1, last_sequence FROM inbox_stream")
POSITIONS = "SELECT subject FROM inbox_stream"
DIGEST = "SELECT relation, rows, hashes::int FROM opening_digest"


def old_id(days: int = 40) -> UUID:
    """Return an id of that age that no other test has used."""
    return UUID(int=first_id_at(NOW - timedelta(days=days)).int + uuid4().int % 2**60)


def closing() -> Closing:
    return Closing(History(), relations=[APPLIED], sums=(), streams=[(source(), "reservation")])


def source() -> str:
    return reserve_stock().source


def age(scratch: DatabaseSession) -> None:
    with scratch.transaction() as connection:
        for table in ("inbox_stream", "outbox_stream"):
            connection.execute(
                f"UPDATE {table} SET updated_at = %s".encode(), (HORIZON - timedelta(days=9),)
            )
        connection.execute("DELETE FROM inbox")  # its window is over
        connection.execute("DELETE FROM outbox")  # the relay has published it


def close(scratch: DatabaseSession) -> int:
    with scratch.transaction() as connection:
        return closing().close(UnitOfWork(connection, source="catalog"), before=HORIZON)


def close_and_be_killed(scratch: DatabaseSession) -> None:
    with scratch.transaction() as connection:
        assert closing().close(UnitOfWork(connection, source="catalog"), before=HORIZON) == 1
        assert connection.execute(POSITIONS).fetchall() == []
        connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")


def applied(shelf: Shelf, subject: UUID) -> Envelope:
    sent = reserve_stock(subject_id=subject)
    shelf.apply(sent)
    return sent


def test_a_closed_stream_leaves_its_position_in_a_balance(
    shelf: Shelf, scratch: DatabaseSession
) -> None:
    applied(shelf, old_id())
    age(scratch)

    assert close(scratch) == 1

    assert shelf.rows(POSITIONS) == []
    assert shelf.rows(DIGEST) == [("applied", 1, 1)]
    assert close(scratch) == 0


def test_a_late_duplicate_of_what_is_closed_is_kept_and_not_applied(
    shelf: Shelf, scratch: DatabaseSession
) -> None:
    subject = old_id()
    sent = applied(shelf, subject)
    age(scratch)
    close(scratch)

    shelf.apply(sent, reserve_stock(subject_id=subject, sequence=2))

    assert shelf.effects(subject) == [1]
    assert shelf.rows(POSITIONS) == shelf.rows("SELECT 1 FROM parked") == []
    details = [detail for (detail,) in shelf.rows("SELECT detail FROM dead_letter")]
    assert len(details) == 2
    assert all("is older than the horizon" in detail for detail in details)


def test_a_younger_stream_begins_as_before(shelf: Shelf, scratch: DatabaseSession) -> None:
    applied(shelf, old_id())
    age(scratch)
    close(scratch)

    young = old_id(days=1)
    applied(shelf, young)

    assert shelf.effects(young) == [1]


def test_what_may_still_move_is_not_closed(shelf: Shelf, scratch: DatabaseSession) -> None:
    waiting, parked, lettered, recent = (old_id(days) for days in (41, 42, 43, 44))
    for subject in (waiting, parked, lettered, recent):
        applied(shelf, subject)
    age(scratch)
    with scratch.transaction() as connection:
        connection.execute(
            "INSERT INTO outbox (message_id, destination, routing_key, subject, sequence, body,"
            " created_at) VALUES (%s, '', 'x', %s, 1, '', now())",
            (waiting, f"reservation/{waiting}"),
        )
        connection.execute(
            "INSERT INTO parked VALUES ('other', %s, 9, %s, '', now())",
            (f"hold/{parked}", parked),
        )
        connection.execute(
            "INSERT INTO dead_letter (source, type, subject, body, reason, detail, created_at,"
            " replays) VALUES ('', '', %s, '', 'invalid', '', now(), 0)",
            (f"hold/{lettered}",),
        )
        connection.execute(
            "UPDATE inbox_stream SET updated_at = now() WHERE subject LIKE %s", (f"%{recent}",)
        )

    assert close(scratch) == 0


def test_a_batch_that_is_killed_in_the_middle_changes_nothing(
    shelf: Shelf, scratch: DatabaseSession
) -> None:
    applied(shelf, old_id())
    age(scratch)
    before = shelf.rows(POSITIONS)

    with pytest.raises(psycopg.OperationalError):
        close_and_be_killed(scratch)

    assert shelf.rows(POSITIONS) == before
    assert shelf.rows(DIGEST) == shelf.rows("SELECT 1 FROM closed_history") == []
