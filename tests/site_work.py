"""A unit of work on the site's real database, rolled back after the test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from cluster.messaging.envelope import new_message_id
from cluster.messaging.work import UnitOfWork
from cluster.secrets.postgres import DatabaseSession, database


class _UndoError(Exception):
    """The error that ends the transaction of a test."""


@pytest.fixture
def site_work(platform: Any) -> Iterator[UnitOfWork]:
    """A unit of work in an open transaction of the site's database that is rolled back."""
    session = DatabaseSession(database("site"))
    with suppress(_UndoError), session.transaction() as connection:
        yield UnitOfWork(connection, source="site")
        raise _UndoError
    session.close()


def leave_open(work: UnitOfWork, count: int) -> None:
    """Accept `count` checkouts that never begin."""
    work.cursor.execute(
        "INSERT INTO checkout_request (id, visitor, sku, quantity, amount, card,"
        " requested_outcome, accepted_at, status, reason)"
        " SELECT unnest(%s::uuid[]), 'v', 'flag', 1, 1, 'tok_ok', 'success', now(), 'accepted', ''",
        ([new_message_id() for _ in range(count)],),
    )
