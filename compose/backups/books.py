"""The payment provider's books: a whole copy, and what was added to them since.

Their tables `operation` and `event` only grow, and everything else in them follows from these two
(`cluster/payments/sandbox/rewind.py`).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PATIENCE: Final = 5.0  # seconds to wait for a lock; the provider's transactions take milliseconds
OVERLAP: Final = 60.0  # seconds; an operation is committed a moment after its time was taken
PIECE: Final = 1 << 20  # bytes
# In one query, hence one snapshot.
ADDED: Final = """
    SELECT 'operation', json_array(key, request, accepted_at) FROM operation WHERE accepted_at > :at
    UNION ALL
    SELECT 'event', json_array(number, payment, body) FROM event WHERE number > :number
"""
END: Final = """
    SELECT (SELECT coalesce(max(accepted_at), 0.0) FROM operation),
           (SELECT coalesce(max(number), 0) FROM event)
"""


@dataclass(frozen=True)
class Place:
    """A place in the books: the time of the last operation, and the number of the last event."""

    accepted_at: float = 0.0
    event: int = 0


def end_of(path: Path) -> Place:
    """Return the place at which the books end now."""
    with closing(_opened(path)) as books:
        return Place(*books.execute(END).fetchone())


def copy(path: Path, target: Path) -> None:
    """Write a whole copy of the books, as of one moment, while they are in use."""
    with closing(_opened(path)) as books, closing(sqlite3.connect(target)) as copied:
        books.backup(copied)


def added(path: Path, since: Place) -> Iterator[bytes]:
    """Yield a line of JSON for each row that was added since a place, as (table, values)."""
    with closing(_opened(path)) as books:
        since_time = since.accepted_at - OVERLAP
        for table, values in books.execute(ADDED, {"at": since_time, "number": since.event}):
            yield json.dumps([table, json.loads(values)]).encode() + b"\n"


def pieces(path: Path) -> Iterator[bytes]:
    """Yield the content of a file."""
    with path.open("rb") as file:
        yield from iter(lambda: file.read(PIECE), b"")


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=PATIENCE)
