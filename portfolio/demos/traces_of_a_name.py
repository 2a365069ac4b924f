"""A search for a name in every table of every database.

Text, JSON and bytes are searched in all tables that there are, not in a list of known ones.
Rows older than the name cannot contain it and are left out, so that a search stays quick however
long the platform has run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias
from uuid import UUID

import psycopg
from psycopg import sql

from cluster.secrets.postgres import database
from config.environment import DATABASES

COLUMNS: Final = """
    SELECT c.table_name, c.column_name, c.data_type,
           EXISTS (SELECT FROM pg_index i JOIN pg_attribute a
                       ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
                    WHERE i.indisprimary AND i.indnatts = 1 AND a.attname = c.column_name
                      AND i.indrelid = quote_ident(c.table_name)::regclass)
      FROM information_schema.columns c JOIN information_schema.tables t
           USING (table_schema, table_name)
     WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE'
     ORDER BY c.table_name, c.ordinal_position
"""
TEXTS: Final = ("text", "jsonb", "json", "character varying")
NUMBERS: Final = ("bigint", "integer")
# Columns that say when a row was written. The first that a table has counts.
TIMES: Final = ("created_at", "recorded_at", "received_at", "accepted_at", "parked_at", "at")
TIMES_OF_CHANGE: Final = ("updated_at", "began")
# The ids of these tables come from elsewhere, and contain no time.
NO_TIME_IN_IDS: Final = ("provider_event", "product", "demo_run", "demo_scratch")
SLACK: Final = timedelta(minutes=1)  # that clocks may differ

Connection: TypeAlias = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True)
class Found:
    """The result of a search of one database. `places` are tables with their rows' count."""

    database: str
    tables: int
    places: Mapping[str, int]

    @property
    def rows(self) -> int:
        return sum(self.places.values())


@dataclass(frozen=True, slots=True)
class Since:
    """The state before the name existed: the time, and the last number of each table."""

    moment: datetime
    numbers: Mapping[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class _Table:
    name: str
    types: Mapping[str, str]
    key: str  # empty when it has several columns

    @property
    def numbered(self) -> bool:
        return self.types.get(self.key) in NUMBERS

    @property
    def texts(self) -> list[str]:
        return [name for name, kind in self.types.items() if kind in (*TEXTS, "bytea")]


def mark(databases: Sequence[str] = DATABASES) -> Since:
    """Return the time and the last number of each table. Raises psycopg.Error in an outage."""
    numbers = {}
    moment = datetime.now().astimezone()
    for name in databases:
        with database(name, auditor=True).connect(autocommit=True) as connection:
            for table in _tables(connection):
                if table.numbered:
                    last = connection.execute(
                        sql.SQL("SELECT coalesce(max({}), 0) FROM {}").format(
                            sql.Identifier(table.key), sql.Identifier(table.name)
                        )
                    ).fetchone()
                    numbers[name, table.name] = last[0] if last else 0
    return Since(moment, numbers)


def search(name: str, since: Since, databases: Sequence[str] = DATABASES) -> list[Found]:
    """Return the tables with `name`, for each database. Raises psycopg.Error in an outage."""
    return [_search(where, name, since) for where in databases]


def _search(where: str, name: str, since: Since) -> Found:
    places = {}
    with database(where, auditor=True).connect(autocommit=True) as connection:
        tables = [table for table in _tables(connection) if table.texts]
        for table in tables:
            query, parameters = _query(table, name, since, since.numbers.get((where, table.name)))
            row = connection.execute(query, parameters).fetchone()
            if row and row[0]:
                places[table.name] = row[0]
    return Found(where, len(tables), places)


def _query(
    table: _Table, name: str, since: Since, number: int | None
) -> tuple[sql.Composed, list[Any]]:
    named = sql.SQL(" OR ").join(
        sql.SQL("position(%s IN {}) > 0").format(_as_text(column, table.types[column]))
        for column in table.texts
    )
    parameters: list[Any] = [name] * len(table.texts)
    recent, bounds = _recent(table, since, number)
    query = sql.SQL("SELECT count(*) FROM {} WHERE ({}){}").format(
        sql.Identifier(table.name), named, recent
    )
    return query, [*parameters, *bounds]


def _as_text(column: str, kind: str) -> sql.Composed:
    form = "encode({}, 'escape')" if kind == "bytea" else "{}::text"
    return sql.SQL(form).format(sql.Identifier(column))


def _recent(table: _Table, since: Since, number: int | None) -> tuple[sql.Composable, list[Any]]:
    """Return the condition that leaves out rows older than the name, and its parameters."""
    if table.numbered and number is not None:
        return _at_least(table.key), [number + 1]
    first = since.moment - SLACK
    if table.types.get(table.key) == "uuid" and table.name not in NO_TIME_IN_IDS:
        milliseconds = int(first.timestamp() * 1000)
        return _at_least(table.key), [UUID(int=milliseconds << 80)]  # as UUIDv7 begins
    for column in (*TIMES, *TIMES_OF_CHANGE):
        if column in table.types:
            return _at_least(column), [first]
    return sql.SQL(""), []


def _at_least(column: str) -> sql.Composed:
    return sql.SQL(" AND {} >= %s").format(sql.Identifier(column))


def _tables(connection: Connection) -> list[_Table]:
    types: dict[str, dict[str, str]] = {}
    keys: dict[str, str] = {}
    for name, column, kind, is_key in connection.execute(COLUMNS):
        types.setdefault(name, {})[column] = kind
        if is_key:
            keys[name] = column
    return [_Table(name, columns, keys.get(name, "")) for name, columns in types.items()]
