"""The spans of the last day in one SQLite file, bounded by number and by age."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from config.environment import run_directory

MOST: Final = 200_000  # spans: about 3,000 checkouts, 120 MB
LONGEST: Final = 24 * 3600.0  # seconds
TRIM_EVERY: Final = 30.0  # seconds
MOST_OF_ONE: Final = 2_000  # spans that are returned of one trace

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS span (
    number INTEGER PRIMARY KEY AUTOINCREMENT, received REAL NOT NULL,
    trace TEXT NOT NULL, span TEXT NOT NULL, parent TEXT, name TEXT NOT NULL, kind INTEGER NOT NULL,
    service TEXT NOT NULL, start INTEGER NOT NULL, finish INTEGER NOT NULL, error TEXT NOT NULL,
    attributes TEXT NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS span_once ON span (trace, span);
"""
# As the fields of KeptSpan.
_COLUMNS: Final = "trace, span, parent, name, kind, service, start, finish, error, attributes"
# A span that comes again is the same: its id is derived from the work that it describes.
KEEP: Final = f"""
    INSERT OR IGNORE INTO span (received, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""  # noqa: S608  (names of our own)
OF_TRACE: Final = f"""
    SELECT {_COLUMNS} FROM span WHERE trace = ? ORDER BY start, number LIMIT ?
"""  # noqa: S608
# Numbers only grow, so the oldest are a prefix: no count of the table is needed.
TRIM: Final = """
    DELETE FROM span WHERE number <= (SELECT max(number) FROM span) - ?
        OR (number <= (SELECT min(number) FROM span) + 20000 AND received < ?)
"""

AttributeValue = str | int | float | bool
_attributes: Final = msgspec.json.Decoder(dict[str, AttributeValue])
_encode: Final = msgspec.json.Encoder().encode


class KeptSpan(msgspec.Struct, frozen=True, kw_only=True):
    """One span as the observer keeps and returns it. The site reads this form.

    Times are nanoseconds of the epoch. `service` is the process that made it.
    `kind` is OTLP's number: 1 internal, 2 server, 3 client, 4 producer, 5 consumer.
    """

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    kind: int
    service: str
    start: int
    end: int
    error: str = ""
    attributes: dict[str, AttributeValue] = {}

    @property
    def milliseconds(self) -> float:
        return (self.end - self.start) / 1_000_000


class KeptTrace(msgspec.Struct, frozen=True, kw_only=True):
    """All spans of one trace that have come so far, in the order of their starts."""

    trace_id: str
    spans: list[KeptSpan]


def span_file() -> Path:
    """Return the file of spans, in the temporary directory if the run directory is read-only."""
    folder = run_directory() / "data" / "observer"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        folder = Path(tempfile.gettempdir())
    return folder / "spans.sqlite3"


class SpanStore:
    """Keeps spans and returns traces. For one thread at a time."""

    def __init__(
        self, path: Path, *, most: int = MOST, clock: Callable[[], float] = time.time
    ) -> None:
        self._most = most
        self._clock = clock
        self._trimmed_at = 0.0
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        # A crash of the machine may lose spans, and nothing else is kept here.
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.executescript(SCHEMA)

    def close(self) -> None:
        self._db.close()

    def keep(self, spans: Sequence[KeptSpan]) -> None:
        now = self._clock()
        self._db.execute("BEGIN IMMEDIATE")
        self._db.executemany(KEEP, [_row(span, now) for span in spans])
        if now - self._trimmed_at >= TRIM_EVERY:
            self._trimmed_at = now
            self._db.execute(TRIM, (self._most, now - LONGEST))
        self._db.execute("COMMIT")

    def trace(self, trace_id: str) -> list[KeptSpan]:
        """Return the spans of one trace by their starts, at most MOST_OF_ONE."""
        rows = self._db.execute(OF_TRACE, (trace_id, MOST_OF_ONE)).fetchall()
        return [_span(*row) for row in rows]

    def count(self) -> int:
        """Return the number of spans that are kept, to within one trimming."""
        (count,) = self._db.execute("SELECT count(*) FROM span").fetchone()
        return int(count)


def _row(span: KeptSpan, now: float) -> tuple[object, ...]:
    *columns, attributes = msgspec.structs.astuple(span)
    return (now, *columns, _encode(attributes).decode())


def _span(*columns: Any) -> KeptSpan:
    *others, attributes = columns
    values = (*others, _attributes.decode(attributes))
    return KeptSpan(**dict(zip(KeptSpan.__struct_fields__, values, strict=True)))
