"""A search for a name in every table of every database.

Text, JSON and bytes are searched in all tables that there are, not in a list of known ones.
Rows older than the name cannot contain it and are left out, so that a search stays quick however
long the platform has run.

The observer searches, since the site may not read every table. It answers with counts.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias, TypeVar
from uuid import UUID

import msgspec
import psycopg
from aiohttp import web
from psycopg import sql

from cluster.health.observer.dead_letters import require_key, unread
from cluster.secrets.postgres import Database
from config.environment import DATABASES

PATH: Final = "/name-search"
# The names that the demo of erasure makes up. Nobody can ask for another one.
NAME: Final = re.compile("visitor-[0-9a-f]{16}")
CONNECT_PATIENCE: Final = 2  # seconds, for each database
STATEMENT_PATIENCE: Final = 3.0  # seconds, for each table

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
Result = TypeVar("Result")


class Found(msgspec.Struct, frozen=True):
    """The result of a search of one database. `places` are tables with their rows' count."""

    database: str
    tables: int
    places: Mapping[str, int]

    @property
    def rows(self) -> int:
        return sum(self.places.values())


class Since(msgspec.Struct, frozen=True):
    """The state before the name existed: the time, and by database each table's last number."""

    moment: datetime
    numbers: Mapping[str, Mapping[str, int]]


class Wanted(msgspec.Struct, frozen=True):
    """A question: where a name stands that did not exist before."""

    name: str
    since: Since


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


class NameSearchRoutes:
    """The routes `GET /name-search`, which begins a search, and `POST /name-search`."""

    def __init__(self, holders: Callable[[], Mapping[str, Database]]) -> None:
        self._holders = holders

    def add_to(self, app: web.Application) -> None:
        app.router.add_get(PATH, self._mark)
        app.router.add_post(PATH, self._search)

    async def _mark(self, request: web.Request) -> web.Response:
        await asyncio.to_thread(require_key, request)
        moment = datetime.now().astimezone()
        numbers = await asyncio.to_thread(self._in_each, last_numbers)
        return _json(Since(moment, numbers))

    async def _search(self, request: web.Request) -> web.Response:
        await asyncio.to_thread(require_key, request)
        try:
            wanted = msgspec.json.decode(await request.read(), type=Wanted)
        except msgspec.MsgspecError as error:
            raise web.HTTPBadRequest(text=str(error)) from error
        if not NAME.fullmatch(wanted.name):
            raise web.HTTPBadRequest(text="a demo makes up no such name")

        def look(database: str, connection: Connection) -> Found:
            return search(database, connection, wanted.name, wanted.since)

        found = await asyncio.to_thread(self._in_each, look)
        return _json(list(found.values()))

    def _in_each(self, look: Callable[[str, Connection], Result]) -> dict[str, Result]:
        """Return what `look` finds in each database. Raises HTTPServiceUnavailable."""
        found = {}
        for name in DATABASES:
            try:
                with self._holders()[name].connect(
                    autocommit=True,
                    statement_timeout=STATEMENT_PATIENCE,
                    connect_timeout=CONNECT_PATIENCE,
                ) as connection:
                    found[name] = look(name, connection)
            except (psycopg.Error, KeyError) as error:
                raise web.HTTPServiceUnavailable(text=unread("tables", name, error)) from error
        return found


def _json(answer: Since | list[Found]) -> web.Response:
    return web.Response(body=msgspec.json.encode(answer), content_type="application/json")


def last_numbers(_: str, connection: Connection) -> dict[str, int]:
    """Return the last number of each table that numbers its rows."""
    numbers = {}
    for table in _tables(connection):
        if table.numbered:
            last = connection.execute(
                sql.SQL("SELECT coalesce(max({}), 0) FROM {}").format(
                    sql.Identifier(table.key), sql.Identifier(table.name)
                )
            ).fetchone()
            numbers[table.name] = last[0] if last else 0
    return numbers


def search(database: str, connection: Connection, name: str, since: Since) -> Found:
    """Return the tables of a database in which the name stands, with the number of its rows."""
    numbers = since.numbers.get(database, {})
    places = {}
    tables = [table for table in _tables(connection) if table.texts]
    for table in tables:
        query, parameters = _query(table, name, since.moment, numbers.get(table.name))
        row = connection.execute(query, parameters).fetchone()
        if row and row[0]:
            places[table.name] = row[0]
    return Found(database, len(tables), places)


def _query(
    table: _Table, name: str, moment: datetime, number: int | None
) -> tuple[sql.Composed, list[Any]]:
    named = sql.SQL(" OR ").join(
        sql.SQL("position(%s IN {}) > 0").format(_as_text(column, table.types[column]))
        for column in table.texts
    )
    parameters: list[Any] = [name] * len(table.texts)
    recent, bounds = _recent(table, moment, number)
    query = sql.SQL("SELECT count(*) FROM {} WHERE ({}){}").format(
        sql.Identifier(table.name), named, recent
    )
    return query, [*parameters, *bounds]


def _as_text(column: str, kind: str) -> sql.Composed:
    form = "encode({}, 'escape')" if kind == "bytea" else "{}::text"
    return sql.SQL(form).format(sql.Identifier(column))


def _recent(
    table: _Table, moment: datetime, number: int | None
) -> tuple[sql.Composable, list[Any]]:
    """Return the condition that leaves out rows older than the name, and its parameters."""
    if table.numbered and number is not None:
        return _at_least(table.key), [number + 1]
    first = moment - SLACK
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
