"""An error of one row is no outage of its server, and keeps no other row waiting."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock, Mock
from uuid import UUID, uuid4

import psycopg
import pytest
from aiohttp import web

from cluster.health.observer import dead_letters as letters
from cluster.health.observer import repository
from cluster.health.observer.dead_letters import DeadLetterRoutes, require_key
from cluster.health.observer.outages import Outage
from cluster.health.observer.repository import Store
from cluster.health.probes.database import DatabaseProbe
from cluster.health.probes.probe import ProbeFailed
from cluster.secrets.postgres import DatabaseUnavailable


class _Session:
    """A database that stores rows, refuses NUL as PostgreSQL does, and may be away."""

    def __init__(self) -> None:
        self.kept: list[UUID] = []
        self.away = False

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        if self.away:
            raise DatabaseUnavailable("site: away")
        added: list[UUID] = []

        def executemany(_: bytes, rows: list[tuple[Any, ...]]) -> None:
            for row in rows:
                if "\0" in row[3]:
                    raise psycopg.DataError("PostgreSQL text fields cannot contain NUL bytes")
                added.append(row[0])

        connection = MagicMock()
        connection.cursor().__enter__().executemany = executemany
        yield connection
        self.kept += added


def outage(cause: str) -> Outage:
    return Outage(id=uuid4(), process="web", service="site", cause=cause, began=1.0)


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> tuple[Store, _Session]:
    monkeypatch.setattr(repository, "YOUNG", 0.0)
    kept_in, session = Store(identity="observer"), _Session()
    monkeypatch.setattr(kept_in, "_session", session)
    return kept_in, session


def test_an_outage_that_cannot_be_stored_is_dropped_and_the_others_are_kept(
    kept: tuple[Store, _Session], caplog: pytest.LogCaptureFixture
) -> None:
    outages = [outage("refused"), outage("a\0b"), outage("silent")]
    observed, session = kept
    observed.save(outages)

    assert observed._write()

    assert session.kept == [outages[0].id, outages[2].id]
    assert observed._due() == ([], [])
    assert "is dropped" in caplog.text


def test_while_the_database_is_away_everything_is_kept_in_memory(
    kept: tuple[Store, _Session], caplog: pytest.LogCaptureFixture
) -> None:
    outages = [outage("refused"), outage("a\0b")]
    observed, session = kept
    observed.save(outages)
    session.away = True

    assert not observed._write()

    assert observed._due() == (outages, [])
    assert "is dropped" not in caplog.text


@pytest.fixture
def probe(monkeypatch: pytest.MonkeyPatch) -> DatabaseProbe:
    made = DatabaseProbe("orders", identity="observer")
    monkeypatch.setattr(made, "_connected", MagicMock())
    return made


def test_a_server_whose_rows_cannot_be_read_has_answered(
    probe: DatabaseProbe, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    depths = Mock(side_effect=psycopg.DataError("timestamp too large (after year 10K)"))
    monkeypatch.setattr(probe, "_depths", depths)

    assert [probe.ask().detail, probe.ask().detail] == [None, None]
    assert [record.levelno for record in caplog.records] == [logging.ERROR]  # once


def test_a_server_that_cuts_the_connection_has_not(
    probe: DatabaseProbe, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut = Mock(side_effect=psycopg.OperationalError("server closed the connection"))
    monkeypatch.setattr(probe, "_depths", cut)

    with pytest.raises(ProbeFailed, match="it cut the connection"):
        probe.ask()


def test_only_a_database_that_cannot_be_reached_is_said_to_be_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def query(service: str, *_: Any) -> list[tuple[Any, ...]]:
        if service == "orders":
            raise psycopg.DataError("timestamp too large")
        raise DatabaseUnavailable("away")

    routes = DeadLetterRoutes(dict)
    monkeypatch.setattr(routes, "_query", query)

    assert routes._read(["orders", "catalog"], waiting=True).away == {
        "orders": "The dead letters of orders cannot be read: timestamp too large",
        "catalog": "The database of catalog is away.",
    }


@pytest.mark.parametrize("given", ["Bearer \udcff", "Bearer é", "Bearer wrong", ""])
def test_a_key_of_any_bytes_is_compared(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(letters, "key", lambda: "right")
    request: Any = SimpleNamespace(headers={"Authorization": given})

    with pytest.raises(web.HTTPForbidden):
        require_key(request)
