"""The journal after a recovery to a moment: what it lacks of a stream, and the messages it has."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from cluster.secrets.postgres import Cursor

STREAMS: Final = """
    SELECT source, subject, count(*), min(sequence), max(sequence) FROM journal GROUP BY 1, 2
"""
# Entries from before this moment may have been purged; null when none were.
SINCE: Final = "SELECT CASE WHEN seq > 1 THEN recorded_at END FROM journal ORDER BY seq LIMIT 1"
_WANTED: Final = """
    FROM journal JOIN unnest(%b::text[], %b::text[]) AS t (source, subject) USING (source, subject)
"""
SEQUENCES: Final = f"SELECT source, subject, sequence {_WANTED}"
MESSAGES: Final = f"""
    SELECT source, subject, sequence, message_id, type, envelope::text {_WANTED}
"""

Stream = tuple[str, str]  # source, subject


class Extent(NamedTuple):
    """The number of entries of a stream, and its first and last sequence among them."""

    entries: int
    first: int
    last: int

    @property
    def is_whole(self) -> bool:
        return self.entries == self.last - self.first + 1


class Journalled(NamedTuple):
    """A message as the journal has it. `body` is its envelope, equal to the one on the wire."""

    message_id: UUID
    type: str
    body: bytes


def extents(cursor: Cursor) -> dict[Stream, Extent]:
    """Return what the journal has of each stream."""
    return {(row[0], row[1]): Extent(*row[2:]) for row in cursor.execute(STREAMS)}


def purged_before(cursor: Cursor) -> datetime | None:
    """Return the moment before which entries may have been purged, or None."""
    row = cursor.execute(SINCE).fetchone()
    return row[0] if row else None


def sequences(cursor: Cursor, streams: Collection[Stream]) -> set[tuple[str, str, int]]:
    """Return the entries of these streams: source, subject, sequence."""
    rows = cursor.execute(SEQUENCES.encode(), _columns(streams))
    return {(source, subject, number) for source, subject, number in rows}


def messages(cursor: Cursor, streams: Collection[Stream]) -> dict[tuple[str, str, int], Journalled]:
    """Return the messages of these streams, by source, subject and sequence."""
    rows = cursor.execute(MESSAGES.encode(), _columns(streams))
    return {
        (source, subject, number): Journalled(message_id, type_, body.encode())
        for source, subject, number, message_id, type_, body in rows
    }


def _columns(streams: Collection[Stream]) -> tuple[list[str], list[str]]:
    return [source for source, _ in streams], [subject for _, subject in streams]
