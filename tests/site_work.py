"""The site's real database, in transactions that are rolled back after the test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from pytest_django import DjangoDbBlocker

from cluster.messaging.work import UnitOfWork
from cluster.secrets.postgres import DatabaseSession, database


class _UndoError(Exception):
    """The error that ends the transaction of a test."""


@pytest.fixture
def site_work(platform: Any) -> Iterator[UnitOfWork]:
    """A unit of work in an open transaction of the site's database that is rolled back."""
    session = DatabaseSession(database("site"))
    with suppress(_UndoError), session.transaction() as opened:
        yield UnitOfWork(opened, source="site")
        raise _UndoError
    session.close()


@pytest.fixture
def shop(site_work: UnitOfWork) -> UnitOfWork:
    """A unit of work on a site with one product, `flag` for 250 pence."""
    site_work.cursor.execute(
        "INSERT INTO product (sku, name, price, restocked) VALUES ('flag', 'Green flag', 250, true)"
    )
    return site_work


def record_checkouts(
    work: UnitOfWork, ids: Sequence[UUID], *, status: str = "accepted", ago: float = 0.0
) -> None:
    """Record checkouts that were accepted `ago` seconds ago, and stand as `status` says."""
    work.cursor.execute(
        "INSERT INTO checkout_request (id, visitor, sku, quantity, amount, card,"
        " requested_outcome, accepted_at, status, reason)"
        " SELECT unnest(%s::uuid[]), 'v', 'flag', 1, 1, 'tok_ok', 'success',"
        " now() - %s * interval '1 s', %s::text, ''",
        (list(ids), ago, status),
    )


@pytest.fixture
def site(platform: Any, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Run the test in a transaction of Django that is rolled back afterwards."""
    with django_db_blocker.unblock():
        connection.close()  # its lease may have expired since the last test
        with transaction.atomic():
            yield
            transaction.set_rollback(True)
        connection.close()
