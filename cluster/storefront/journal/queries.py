"""The journal's entries, for readers other than the stream and the pages. Without Django."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from cluster.messaging.contract import REGISTRY, Kind
from cluster.secrets.postgres import Cursor
from cluster.storefront.events import StreamEvent
from cluster.storefront.journal.readable import COLUMNS, READABLE_TIME, presented

_ENTRY: Final = f"""
    seq, message_id, source, type, subject, sequence, correlation, causation,
    coalesce({READABLE_TIME.format("time")}, recorded_at), recorded_at, (envelope->'data')::text
"""
_OF_CORRELATIONS: Final = """
    FROM journal WHERE correlation = ANY (%(correlations)s) AND seq > %(after)s
     AND (%(types)s::text[] IS NULL OR type = ANY (%(types)s))
"""
OF_CORRELATIONS: Final = f"SELECT {_ENTRY} {_OF_CORRELATIONS} ORDER BY seq"
COUNT: Final = f"SELECT count(*) {_OF_CORRELATIONS}"
# By `seq` first, since the journal has no index of subjects.
ABOUT: Final = f"""
    SELECT {_ENTRY} FROM journal WHERE seq > %s AND subject = ANY (%s) ORDER BY seq
"""  # noqa: S608
AT: Final = f"SELECT {_ENTRY} FROM journal WHERE seq = %s"  # noqa: S608
LAST_SEQ: Final = "SELECT coalesce(max(seq), 0) FROM journal"
GROWTH: Final = """
    SELECT coalesce(max(seq), 0),
           extract(epoch FROM now() - max(recorded_at))::float8,
           percentile_cont(0.5) WITHIN GROUP (
               ORDER BY extract(epoch FROM recorded_at - time))::float8
      FROM (SELECT seq, recorded_at, time FROM journal ORDER BY seq DESC LIMIT 100) AS latest
"""
ARRIVALS: Final = """
    SELECT latest.type, latest.count, seq, message_id
      FROM (SELECT type, count(*), max(seq) AS seq FROM journal
             WHERE seq > greatest(%s, (SELECT max(seq) FROM journal) - %s) GROUP BY type) AS latest
      JOIN journal USING (seq)
"""
NEWEST: Final = f"SELECT {COLUMNS} FROM journal ORDER BY seq DESC LIMIT %s"  # noqa: S608
BETWEEN: Final = f"""
    SELECT {COLUMNS}
      FROM journal WHERE seq > %s AND seq <= %s AND time BETWEEN %s AND %s ORDER BY seq LIMIT %s
"""  # noqa: S608


class Entry(NamedTuple):
    """One entry. `time` is that of its sender's transaction, `causation` names its cause."""

    seq: int
    message_id: UUID
    source: str
    type: str
    subject: str
    sequence: int
    correlation: UUID
    causation: UUID | None
    time: datetime
    recorded_at: datetime
    data: str | None  # JSON

    @property
    def owner(self) -> str:
        """The service that must apply a command, or an empty string for an event."""
        declared = REGISTRY.get(self.type)
        return declared.owner if declared and declared.kind is Kind.COMMAND else ""

    @property
    def lag(self) -> float:
        """The seconds from the sender's transaction to the recording."""
        return (self.recorded_at - self.time).total_seconds()

    @property
    def payload(self) -> dict[str, Any]:
        """The message's data. Raises ValueError when Python cannot read it."""
        found: dict[str, Any] = json.loads(self.data or "{}")
        return found


class Arrivals(NamedTuple):
    """The number of new entries of one type, and the newest of them."""

    type: str
    number: int
    seq: int
    message_id: UUID


class Growth(NamedTuple):
    """The journal's end. `age` are seconds since it grew, `lag` from sending to recording."""

    seq: int
    age: float | None
    lag: float | None


def entries_of(
    cursor: Cursor,
    correlations: Sequence[UUID],
    *,
    after: int = 0,
    types: Sequence[str] | None = None,
) -> list[Entry]:
    """Return the entries of these correlations, of all types or of some, in order."""
    asked = {"correlations": list(correlations), "after": after, "types": types and list(types)}
    return [Entry(*row) for row in cursor.execute(OF_CORRELATIONS, asked)]


def count_entries(
    cursor: Cursor, correlations: Sequence[UUID], *, types: Sequence[str] | None = None
) -> int:
    """Return the number of entries of these correlations, of all types or of some."""
    asked = {"correlations": list(correlations), "after": 0, "types": types and list(types)}
    (count,) = cursor.execute(COUNT, asked).fetchone() or (0,)
    return int(count)


def entries_about(cursor: Cursor, subjects: Sequence[str], after: int) -> list[Entry]:
    """Return the entries after a `seq` that are about one of these subjects, in order."""
    return [Entry(*row) for row in cursor.execute(ABOUT, (after, list(subjects)))]


def entry_at(cursor: Cursor, seq: int) -> Entry | None:
    """Return the entry of this number, or None when there is none."""
    row = cursor.execute(AT, (seq,)).fetchone()
    return Entry(*row) if row else None


def last_seq(cursor: Cursor) -> int:
    """Return the last `seq`, 0 when the journal is empty."""
    (last,) = cursor.execute(LAST_SEQ).fetchone() or (0,)
    return int(last)


def growth(cursor: Cursor) -> Growth:
    """Return the last `seq`, and the age and the median lag of the latest 100 entries."""
    return Growth(*(cursor.execute(GROWTH).fetchone() or (0, None, None)))


def arrivals(cursor: Cursor, *, after: int, most: int) -> list[Arrivals]:
    """Return the new entries by type, of the last `most` entries at most."""
    return [Arrivals(*row) for row in cursor.execute(ARRIVALS, (after, most))]


def newest_events(cursor: Cursor, most: int) -> list[StreamEvent]:
    """Return the newest entries as pages and browsers see them, newest first."""
    return [presented(row) for row in cursor.execute(NEWEST, (most,))]


def events_between(
    cursor: Cursor, *, after: int, up_to: int, began: datetime, ended: datetime, most: int
) -> list[StreamEvent]:
    """Return the first entries of a range of numbers and of times, in order."""
    rows = cursor.execute(BETWEEN, (after, up_to, began, ended, most))
    return [presented(row) for row in rows]
