"""The inbox deletes ids after its window, and still applies no message twice."""

from __future__ import annotations

from datetime import timedelta

from cluster.messaging.streams import INBOX_WINDOW, purge_inbox
from cluster.messaging.work import UnitOfWork
from cluster.secrets.postgres import DatabaseSession
from tests.messaging.messages import reserve_stock
from tests.messaging.shelf import Shelf


def age(scratch: DatabaseSession, by: timedelta) -> None:
    with scratch.transaction() as connection:
        connection.execute("UPDATE inbox SET applied_at = applied_at - %s", (by,))


def purge(scratch: DatabaseSession) -> None:
    with scratch.transaction() as connection:
        purge_inbox(UnitOfWork(connection, source="catalog"))


def test_an_id_is_kept_within_the_window_and_forgotten_after_it(
    shelf: Shelf, scratch: DatabaseSession
) -> None:
    sent = reserve_stock()
    shelf.apply(sent)

    purge(scratch)
    assert len(shelf.rows("SELECT 1 FROM inbox")) == 1
    age(scratch, INBOX_WINDOW + timedelta(minutes=1))
    purge(scratch)
    assert shelf.rows("SELECT 1 FROM inbox") == []


def test_a_message_from_beyond_the_window_has_no_second_effect(
    shelf: Shelf, scratch: DatabaseSession
) -> None:
    sent = reserve_stock()
    shelf.apply(sent)
    age(scratch, INBOX_WINDOW + timedelta(minutes=1))
    purge(scratch)

    shelf.apply(sent)

    assert shelf.effects(sent.correlationid) == [1]
    assert len(shelf.rows("SELECT 1 FROM dead_letter WHERE message_id = %s", sent.id)) == 1
