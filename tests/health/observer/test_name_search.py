"""The search for an erased visitor's name finds it wherever it stands."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import psycopg
import pytest
import requests

from cluster.health.observer.name_search import PATH, Found, Since, Wanted, last_numbers, search
from cluster.health.observer.questions import ask
from cluster.secrets.postgres import Database
from config import environment
from config.environment import DATABASES

pytestmark = pytest.mark.platform
NAME = "visitor-of-this-test"

DEAD_LETTER = """
    INSERT INTO dead_letter (source, type, subject, body, reason, detail, created_at, replays)
    VALUES ('', '', '', '', '', %s, %s, 0)
"""


@pytest.fixture
def scratch(scratch_database: Database) -> Iterator[psycopg.Connection[Any]]:
    with scratch_database.connect(autocommit=True) as connection:
        connection.execute("TRUNCATE dead_letter, outbox, heartbeat")
        yield connection


def mark(scratch: psycopg.Connection[Any]) -> Since:
    return Since(datetime.now(UTC), {"scratch": last_numbers("scratch", scratch)})


def test_a_name_is_found_in_text_in_json_and_in_bytes(scratch: psycopg.Connection[Any]) -> None:
    since, now = mark(scratch), datetime.now(UTC)
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

    found = search("scratch", scratch, NAME, since)

    assert found.places == {"dead_letter": 1, "heartbeat": 1, "outbox": 1}


def test_rows_that_are_older_than_the_name_are_left_out(scratch: psycopg.Connection[Any]) -> None:
    scratch.execute(DEAD_LETTER, (f"of {NAME}", datetime.now(UTC)))

    found = search("scratch", scratch, NAME, mark(scratch))

    assert found.rows == 0


def test_the_observer_searches_every_database_for_a_name_that_a_demo_has_made_up() -> None:
    begun = ask(PATH)
    since = msgspec.json.decode(begun.body, type=Since)
    name = f"visitor-{secrets.token_hex(8)}"
    found = msgspec.json.decode(
        ask(PATH, msgspec.json.encode(Wanted(name, since))).body, type=list[Found]
    )
    assert {one.database: one.rows for one in found} == dict.fromkeys(DATABASES, 0)
    assert all(one.tables for one in found)


@pytest.mark.parametrize("name", ["a", "visitor-", "visitor-0123456789abcdef "])
def test_the_observer_searches_for_no_other_name(name: str) -> None:
    wanted = Wanted(name, Since(datetime.now(UTC), {}))
    assert ask(PATH, msgspec.json.encode(wanted)).status == 400


def test_a_stranger_searches_nothing() -> None:
    address = f"{environment.observer_url()}{PATH}"
    assert requests.get(address, timeout=10).status_code == 403
    assert requests.post(address, data=b"{}", timeout=10).status_code == 403
