"""Reading the journal from asyncio: pages of presented entries, with every wait bounded."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import psycopg

from cluster.secrets.postgres import DatabaseSession, database
from cluster.storefront.events import StreamEvent
from cluster.storefront.journal.readable import COLUMNS, presented

PAGE: Final = 200  # entries; about 60 kB of JSON
PATIENCE: Final = 2.0  # seconds that a reader waits for the database before it reports that

AFTER: Final = f"SELECT {COLUMNS} FROM journal WHERE seq > %s ORDER BY seq LIMIT %s"  # noqa: S608
# The least seq is 1 until entries have been purged; an empty journal reaches from 1 to 0.
BOUNDS: Final = "SELECT coalesce(min(seq), 1), coalesce(max(seq), 0) FROM journal"
WATCHED: Final = """
    INSERT INTO audience (id, seen_at) VALUES (1, now())
        ON CONFLICT (id) DO UPDATE SET seen_at = EXCLUDED.seen_at
"""

Result = TypeVar("Result")


class JournalUnavailable(Exception):
    """The journal cannot be read now, and the caller may try again."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The range of the journal at a moment: entries `first` to `last`."""

    first: int
    last: int


class JournalReader:
    """One connection and one thread to read with, for all browsers of this process.

    There is at most one read at a time, so a frozen database blocks one thread, not hundreds.
    """

    def __init__(self) -> None:
        self._session: DatabaseSession | None = None
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="journal-reader")
        self._reading: asyncio.Future[Any] | None = None
        self._turn = asyncio.Lock()

    async def after(self, seq: int) -> list[StreamEvent]:
        """Return the next entries after `seq`, in order, at most a PAGE.

        Raises JournalUnavailable.
        """
        return await self._run(lambda connection: _entries(connection, seq))

    async def bounds(self) -> Bounds:
        """Return the range of the journal now.

        Raises JournalUnavailable.
        """
        return await self._run(_bounds)

    async def note_audience(self) -> None:
        """Record that a visitor follows the stream now (`ambient_load.py`).

        Raises JournalUnavailable.
        """
        await self._run(lambda connection: connection.execute(WATCHED))

    async def _run(self, read: Callable[[psycopg.Connection[Any]], Result]) -> Result:
        try:
            async with asyncio.timeout(PATIENCE), self._turn:
                await self._finish_abandoned()
                loop = asyncio.get_running_loop()
                self._reading = loop.run_in_executor(self._executor, self._read, read)
                # Shielded: a thread cannot be cancelled, so the next caller waits for its read.
                result: Result = await asyncio.shield(self._reading)
                self._reading = None
                return result
        except (TimeoutError, psycopg.Error) as error:
            # No row causes this: `readable.py` guards the content of rows, in SQL and after it.
            raise JournalUnavailable(str(error) or "no answer in time") from error

    async def _finish_abandoned(self) -> None:
        """Wait for the read whose caller has stopped waiting, and ignore its result."""
        if self._reading is not None:
            await asyncio.wait([self._reading])
            if not self._reading.cancelled():
                self._reading.exception()
            self._reading = None

    def _read(self, read: Callable[[psycopg.Connection[Any]], Result]) -> Result:
        if self._session is None:
            self._session = DatabaseSession(database("site"), statement_timeout=PATIENCE)
        with self._session.transaction() as connection:
            return read(connection)


def _entries(connection: psycopg.Connection[Any], seq: int) -> list[StreamEvent]:
    rows = connection.execute(AFTER, (seq, PAGE)).fetchall()
    return [presented(row) for row in rows]


def _bounds(connection: psycopg.Connection[Any]) -> Bounds:
    first, last = connection.execute(BOUNDS).fetchone() or (1, 0)
    return Bounds(first, last)
