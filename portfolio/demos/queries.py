"""Rows as they stand in the services' databases, read from their views for pages.

The login reads those views and nothing else: docs/adr/0045-what-pages-may-read.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar, TypeVarTuple
from uuid import UUID

from cluster.messaging.queries import AppliedMessage, applied
from cluster.secrets.postgres import Cursor, database
from cluster.storefront.journal.queries import Entry, entries_of
from config.environment import SERVICES
from portfolio.demos.result import Table

Found = TypeVar("Found")
Asked = TypeVarTuple("Asked")


def read(name: str, look: Callable[[Cursor, *Asked], Found], *asked: *Asked) -> Found:
    """Return what `look` finds in one service's views for pages, or in the site's own database.

    Raises psycopg.Error while the database is away.
    """
    with database(name, pages=name in SERVICES).connect(autocommit=True) as connection:
        return look(connection.cursor(), *asked)


def table(name: str, caption: str, columns: Sequence[str], rows: Iterable[Iterable[Any]]) -> Table:
    """Return rows of one database as a table of a result. `columns` name their cells.

    `name` is empty for what the demo itself has compared or measured.
    """
    return Table(
        caption=caption,
        database=name,
        columns=tuple(columns),
        rows=tuple(tuple(map(_shown, row)) for row in rows),
    )


def entry_rows(caption: str, entries: Iterable[Entry]) -> Table:
    """Return entries of the journal, with the time from the sender's transaction to each."""
    columns = ("seq", "from", "message", "about", "sequence", "at (UTC)", "after")
    cells = (
        (
            entry.seq,
            entry.source,
            entry.type,
            entry.subject[-8:],
            entry.sequence,
            entry.time,
            f"{1000 * entry.lag:.0f} ms",
        )
        for entry in entries
    )
    return table("site", caption, columns, cells)


def database_time(cursor: Cursor) -> datetime:
    """Return the time by the clock of a database."""
    row = cursor.execute("SELECT now()").fetchone()
    assert row is not None, "it has one row"
    return row[0]  # type: ignore[no-any-return]


def _shown(cell: Any) -> str:
    """Return a cell as text: of an id the last characters, of a time its milliseconds (UTC)."""
    match cell:
        case None:
            return ""
        case bool():
            return str(cell).lower()
        case UUID():
            return str(cell)[-8:]
        case datetime():
            at = cell.astimezone(UTC)
            return f"{at:%H:%M:%S}.{at.microsecond // 1000:03d}"
    return str(cell)


class Application(NamedTuple):
    """A message as the inbox of one service has applied it."""

    service: str
    message: AppliedMessage


def recorded_of(correlation: UUID) -> list[Entry]:
    """Return the messages of a correlation, in the order of the journal."""
    return read("site", entries_of, [correlation])


def applications(messages: Sequence[UUID]) -> list[Application]:
    """Return the rows of these messages in every service's inbox."""
    return [
        Application(service, row)
        for service in SERVICES
        for row in read(service, applied, messages)
    ]
