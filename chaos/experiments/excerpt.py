"""The part of the journal that belongs to an incident."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from cluster.secrets.postgres import database
from cluster.storefront.events import StreamEvent
from cluster.storefront.journal.readable import COLUMNS, presented

LAST_SEQ: Final = "SELECT coalesce(max(seq), 0) FROM journal"
# Documents are drawn and kept whole, and no figure can show more than this.
MOST_EVENTS: Final = 8_000
ENTRIES: Final = f"""
    SELECT {COLUMNS}
      FROM journal WHERE seq > %s AND seq <= %s AND time BETWEEN %s AND %s ORDER BY seq LIMIT %s
"""  # noqa: S608  (names of our own)


def last_seq() -> int:
    """Return the last seq of the journal, or raise DatabaseUnavailable."""
    with database("site", auditor=True).connect(autocommit=True) as connection:
        row = connection.execute(LAST_SEQ).fetchone()
    assert row is not None, "an aggregate has a row"
    return int(row[0])


def events_between(after: int, up_to: int, began: datetime, ended: datetime) -> list[StreamEvent]:
    """Return the first MOST_EVENTS entries of that range and time, or raise DatabaseUnavailable."""
    with database("site", auditor=True).connect(autocommit=True) as connection:
        rows = connection.execute(ENTRIES, (after, up_to, began, ended, MOST_EVENTS)).fetchall()
    return [presented(row) for row in rows]
