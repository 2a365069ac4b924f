"""The psql command that a driver runs in an engine works on a real PostgreSQL server."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from chaos.drivers import psql
from config.environment import database_url
from tests.databases import superuser_address

pytestmark = pytest.mark.platform


def run(*statements: str, within: str = "orders") -> subprocess.CompletedProcess[str]:
    program = shutil.which("psql") or next(
        str(path) for path in Path("/usr/lib/postgresql").glob("*/bin/psql")
    )
    server, login = urlsplit(database_url("orders")), urlsplit(superuser_address("orders"))
    where = {"PGHOST": str(server.hostname), "PGPORT": str(server.port)}
    return subprocess.run(
        [program, *psql.command(statements, within=within)[1:]],
        env={**os.environ, **where, "PGPASSWORD": str(login.password)},
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )


def rows(*statements: str) -> list[tuple[object, ...]]:
    done = run(*statements)
    assert (done.returncode, done.stderr) == (0, "")
    return psql.rows(done.stdout)


def test_the_rows_of_the_last_statement_are_text(platform: None) -> None:
    two = "SELECT n, current_database(), NULL, '' FROM generate_series(1, 2) AS n"
    assert rows("SELECT 'before'", two) == [("1", "orders", None, ""), ("2", "orders", None, "")]


def test_values_may_hold_lines_and_bars(platform: None) -> None:
    assert rows("SELECT E'a|b\\nc', 1") == [("a|b\nc", "1")]


def test_a_statement_without_rows_has_none(platform: None) -> None:
    assert rows("SELECT 1 WHERE false") == []
    assert rows("SET statement_timeout = 0") == []


def test_statements_share_a_session_and_each_is_its_own_transaction(platform: None) -> None:
    asked = ("SET default_transaction_read_only = on", "SHOW transaction_read_only")
    assert rows(*asked) == [("on",)]
    # PostgreSQL refuses this statement inside a transaction block. Its only complaint here is that
    # no such database exists, so it ran outside of one.
    done = run("SELECT 1", 'DROP DATABASE "nothing of ours"')
    assert "does not exist" in done.stderr


def test_the_first_failure_ends_it_with_the_servers_words(platform: None) -> None:
    done = run("SELECT * FROM nothing", "SELECT 1")
    assert done.returncode != 0
    assert 'relation "nothing" does not exist' in done.stderr
    assert "1" not in done.stdout
