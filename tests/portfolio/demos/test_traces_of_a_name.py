"""The search for an erased visitor's name finds it wherever it stands."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from cluster.secrets.postgres import Database
from portfolio.demos.traces_of_a_name import mark, search

pytestmark = pytest.mark.platform
NAME = "visitor-of-this-test"
SCRATCH = ("scratch",)

DEAD_LETTER = """
    INSERT INTO dead_letter (source, type, subject, body, reason, detail, created_at, replays)
    VALUES ('', '', '', '', '', %s, %s, 0)
"""


@pytest.fixture
def scratch(scratch_database: Database) -> Iterator[psycopg.Connection[Any]]:
    with scratch_database.connect(autocommit=True) as connection:
        connection.execute("TRUNCATE dead_letter, outbox, heartbeat")
        yield connection


def test_a_name_is_found_in_text_in_json_and_in_bytes(scratch: psycopg.Connection[Any]) -> None:
    since, now = mark(SCRATCH), datetime.now(UTC)
    scratch.execute(DEAD_LETTER, (f"of {NAME}", now))
    scratch.execute(
        "INSERT INTO heartbeat (process, beat_at, consuming, detail) "
        "VALUES ('test', %s, true, jsonb_build_object('visitor', %s::text))",
        (now, NAME),
    )
    scratch.execute(
        "INSERT INTO outbox "
        "(message_id, destination, routing_key, subject, sequence, body, created_at) "
        "VALUES (gen_random_uuid(), '', '', '', 1, %s, %s)",
        (f'{{"visitor": "{NAME}"}}'.encode(), now),
    )

    [found] = search(NAME, since, SCRATCH)

    assert found.places == {"dead_letter": 1, "heartbeat": 1, "outbox": 1}


def test_rows_that_are_older_than_the_name_are_left_out(scratch: psycopg.Connection[Any]) -> None:
    scratch.execute(DEAD_LETTER, (f"of {NAME}", datetime.now(UTC)))

    [found] = search(NAME, mark(SCRATCH), SCRATCH)

    assert found.rows == 0
