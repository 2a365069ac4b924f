"""An unreadable row of the journal is shown with a mark, and stops neither page nor stream."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test import Client

from cluster.storefront.events import Mark, Verb
from cluster.storefront.journal.reader import _entries
from cluster.storefront.stream.tail import _encoded

pytestmark = pytest.mark.platform

# Its seq is far beyond the last one, after which the journal's worker writes meanwhile.
INSERT = """
    INSERT INTO journal (seq, message_id, source, type, subject, sequence, correlation, time,
                         recorded_at, envelope)
    SELECT coalesce(max(seq), 0) + 1000000, %s, 'orders', 'orders.order_confirmed.v1', 'order/x',
           1, %s, %s::timestamptz, now(), %s::jsonb
      FROM journal
    RETURNING seq
"""
UNREADABLE = {
    "a time beyond Python's": ("10000-01-01T04:59:59.999999Z", '{"data": {"amount": 1}}'),
    "a time before it": ("0001-01-01T00:00:00Z BC", '{"data": {"amount": 1}}'),
    "a number that json refuses": ("2026-11-30T00:00:00Z", f'{{"data": {{"n": {"9" * 5_000}}}}}'),
}


@pytest.fixture(params=list(UNREADABLE.values()), ids=list(UNREADABLE))
def entry(request: pytest.FixtureRequest, site: None) -> tuple[int, UUID]:
    """The seq and the correlation of a bad row, which is rolled back afterwards."""
    correlation = uuid4()
    with connection.cursor() as cursor:
        cursor.execute(INSERT, (uuid4(), correlation, *request.param))
        [seq] = cursor.fetchone()
    return seq, correlation


def test_the_stream_shows_it_with_a_mark(entry: tuple[int, UUID]) -> None:
    seq, _ = entry

    event, *_ = _entries(connection.connection, seq - 1)

    assert (event.seq, event.verb, event.mark) == (seq, Verb.UNREADABLE, Mark.UNKNOWN)
    assert b"cannot be read" in _encoded([event])[0].encoded


@pytest.mark.parametrize("page", ["/events/", "/sagas/{saga}/"])
def test_a_page_shows_it_with_a_mark(entry: tuple[int, UUID], page: str) -> None:
    answer = Client().get(page.format(saga=entry[1]))

    assert answer.status_code == 200
    assert "orders.order_confirmed.v1: its content cannot be read" in answer.content.decode()
