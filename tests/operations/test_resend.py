"""The messages that only the broker held are found from streams, and sent from a journal."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from cluster.health.checkers.subscriptions import aggregates_consumed
from cluster.operations.resend import send_again
from cluster.services import load_all
from compose.servers.postgres import address_name
from config.environment import DATABASES
from config.waiting import wait_until
from tests.servers import free_port, make_cluster, postgres_command

PASSWORD = "made-up"
# The columns that are read and written here.
TABLES = """
    CREATE TABLE outbox (id bigserial, message_id uuid, destination text, routing_key text,
                         subject text, sequence int, body bytea, created_at timestamptz);
    CREATE TABLE outbox_stream (subject text, last_sequence int, updated_at timestamptz);
    CREATE TABLE inbox_stream (source text, subject text, last_sequence int);
    CREATE TABLE parked (source text, subject text, sequence int);
    CREATE TABLE dead_letter (source text, subject text, sequence int, replayed_at timestamptz);
    CREATE TABLE journal (seq bigserial, message_id uuid, source text, type text, subject text,
                          sequence int, recorded_at timestamptz DEFAULT now(), envelope jsonb);
"""
AHEAD = "ahead"

Connect = Callable[[str], psycopg.Connection[Any]]


@pytest.fixture(scope="module")
def url() -> Iterator[Callable[[str], str]]:
    """The addresses of a database for each service, on one server without fsync."""
    folder = Path(tempfile.mkdtemp(prefix="resend-"))
    folder.chmod(0o711)
    port = free_port()
    make_cluster(folder / "home" / "data", password=PASSWORD)
    server = subprocess.Popen(
        postgres_command(folder / "home" / "data", port),
        cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip

    def address(name: str) -> str:
        return f"postgresql://postgres:{PASSWORD}@127.0.0.1:{port}/{name}"

    def make() -> bool:
        with psycopg.connect(address("postgres"), autocommit=True) as connection:
            for name in (*DATABASES, AHEAD):
                connection.execute(f"CREATE DATABASE {name}".encode())
        return True

    try:
        wait_until(make, despite=psycopg.OperationalError, within=30, every=0.1)
        yield address
    finally:
        server.terminate()
        server.wait(30)
        shutil.rmtree(folder)


@pytest.fixture
def connect(url: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Connect]:
    """Connections to databases whose tables are empty."""
    connections = {}
    for name in (*DATABASES, AHEAD):
        connections[name] = psycopg.connect(url(name), autocommit=True)
        connections[name].execute("DROP SCHEMA public CASCADE")
        connections[name].execute("CREATE SCHEMA public")
        connections[name].execute(TABLES)
        if name != AHEAD:
            monkeypatch.setenv(address_name(name), url(name))
    yield connections.__getitem__
    for connection in connections.values():
        connection.close()


def announce(connection: psycopg.Connection[Any], subject: str, last: int) -> None:
    connection.execute("INSERT INTO outbox_stream VALUES (%s, %s, now())", (subject, last))


def journal(connection: psycopg.Connection[Any], subject: str, *sequences: int) -> None:
    for number in sequences:
        envelope = json.dumps({"subject": subject, "sequence": number})
        connection.execute(
            "INSERT INTO journal (message_id, source, type, subject, sequence, envelope)"
            " VALUES (%s, 'checkout', 'identity.hold_limit.v1', %s, %s, %s)",
            (uuid4(), subject, number, envelope),
        )


def apply(connection: psycopg.Connection[Any], subject: str, last: int) -> None:
    connection.execute("INSERT INTO inbox_stream VALUES ('checkout', %s, %s)", (subject, last))


def sent(connection: psycopg.Connection[Any]) -> list[tuple[str, str, int, str]]:
    rows = connection.execute(
        "SELECT destination, subject, sequence, convert_from(body, 'UTF8') FROM outbox ORDER BY id"
    )
    return [(queue, subject, number, body) for queue, subject, number, body in rows]


@pytest.fixture
def subject() -> str:
    """The subject of a command of the checkout to identity alone."""
    consumed = aggregates_consumed(load_all())
    aggregate = next(
        name
        for name in consumed["identity"]["checkout"]
        if all(name not in consumed[other].get("checkout", []) for other in consumed
               if other != "identity")
    )  # fmt: skip
    return f"{aggregate}/{uuid4()}"


def test_what_no_inbox_and_no_outbox_has_is_sent_again(
    connect: Connect, url: Callable[[str], str], subject: str
) -> None:
    announce(connect("checkout"), subject, 4)
    apply(connect("identity"), subject, 1)
    journal(connect("site"), subject, 1, 2)
    journal(connect(AHEAD), subject, 1, 2, 3, 4)
    connect("checkout").execute(
        "INSERT INTO outbox (destination, subject, sequence, body) VALUES ('', %s, 4, '{}')",
        (subject,),
    )
    report = send_again(url(AHEAD))
    resent = [row[:3] for row in sent(connect("checkout"))[1:]]
    assert sorted(resent) == [
        ("identity.inbox", subject, 2),
        ("identity.inbox", subject, 3),
        ("site.journal", subject, 3),
    ]
    assert [row[2] for row in resent] == [2, 3, 3]
    assert [(one["sequence"], one["to"]) for one in report["sent_again"]] == [
        (2, ["identity.inbox"]),
        (3, ["site.journal", "identity.inbox"]),
    ]
    assert json.loads(sent(connect("checkout"))[1][3]) == {"subject": subject, "sequence": 2}
    assert report["lost"] == report["ahead"] == []


def test_nothing_is_sent_when_everything_has_arrived(
    connect: Connect, url: Callable[[str], str], subject: str
) -> None:
    announce(connect("checkout"), subject, 2)
    apply(connect("identity"), subject, 2)
    journal(connect("site"), subject, 1, 2)
    report = send_again(url(AHEAD))
    assert sent(connect("checkout")) == []
    assert report["sent_again"] == report["lost"] == []


def test_what_is_parked_or_a_dead_letter_has_arrived(
    connect: Connect, url: Callable[[str], str], subject: str
) -> None:
    announce(connect("checkout"), subject, 3)
    journal(connect("site"), subject, 1, 2, 3)
    connect("identity").execute(
        "INSERT INTO dead_letter VALUES ('checkout', %s, 1, NULL)", (subject,)
    )
    connect("identity").execute("INSERT INTO parked VALUES ('checkout', %s, 2)", (subject,))
    report = send_again(url(AHEAD))
    assert [row[:3] for row in sent(connect("checkout"))] == [("identity.inbox", subject, 3)]
    assert len(report["sent_again"]) == 1


def test_a_replayed_dead_letter_was_in_the_broker(
    connect: Connect, url: Callable[[str], str], subject: str
) -> None:
    announce(connect("checkout"), subject, 1)
    journal(connect("site"), subject, 1)
    connect("identity").execute(
        "INSERT INTO dead_letter VALUES ('checkout', %s, 1, now())", (subject,)
    )
    send_again(url(AHEAD))
    assert [row[:3] for row in sent(connect("checkout"))] == [("identity.inbox", subject, 1)]


def test_what_no_journal_has_is_lost_and_named(
    connect: Connect, url: Callable[[str], str], subject: str
) -> None:
    announce(connect("checkout"), subject, 1)
    report = send_again(url(AHEAD))
    assert sent(connect("checkout")) == []
    assert report["lost"] == [
        {
            "source": "checkout",
            "subject": subject,
            "sequence": 1,
            "to": ["site.journal", "identity.inbox"],
        }
    ]


def test_a_gap_in_the_journal_is_found(
    connect: Connect, url: Callable[[str], str], subject: str
) -> None:
    announce(connect("checkout"), subject, 3)
    apply(connect("identity"), subject, 3)
    journal(connect("site"), subject, 1, 3)
    journal(connect(AHEAD), subject, 1, 3, 2)
    send_again(url(AHEAD))
    assert [row[:3] for row in sent(connect("checkout"))] == [("site.journal", subject, 2)]


def test_what_was_purged_from_the_journal_is_not_asked_for(
    connect: Connect, url: Callable[[str], str], subject: str
) -> None:
    connect("checkout").execute(
        "INSERT INTO outbox_stream VALUES (%s, 1, now() - interval '20 days')", (subject,)
    )
    apply(connect("identity"), subject, 1)
    connect("site").execute(
        "INSERT INTO journal (seq, source, subject, sequence, type) VALUES (7, 'x', 'y', 5, 'z')"
    )
    assert send_again(url(AHEAD))["lost"] == []


def test_a_database_that_is_ahead_of_another_is_named(
    connect: Connect, url: Callable[[str], str], subject: str
) -> None:
    announce(connect("checkout"), subject, 1)
    apply(connect("identity"), subject, 2)
    journal(connect("site"), subject, 1)
    (ahead,) = send_again(url(AHEAD))["ahead"]
    assert (ahead["service"], ahead["announced"], ahead["applied"]) == ("identity", 1, 2)
