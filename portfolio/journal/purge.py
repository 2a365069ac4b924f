"""Forgetting: the journal keeps two weeks, and never more entries than the disk is good for."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from cluster.messaging.work import UnitOfWork

RETENTION: Final = timedelta(days=14)
MOST_ENTRIES: Final = 2_000_000  # about 3 GB
PER_RUN: Final = 5_000  # a short transaction, since the journal's writer waits for it

# The head only, so that what is left has no gap; and never the last entry,
# since the next `seq` is counted from it.
PURGE: Final = """
    DELETE FROM journal
     WHERE seq IN (
        SELECT seq FROM journal
         WHERE (recorded_at < %s OR seq <= (SELECT max(seq) FROM journal) - %s)
           AND seq < (SELECT max(seq) FROM journal)
           AND seq < (SELECT min(seq) FROM journal) + %s
         ORDER BY seq
     )
"""


def purge_journal(work: UnitOfWork) -> None:
    """Delete the oldest entries that are beyond what is kept, a few at a time."""
    work.cursor.execute(PURGE, (work.now - RETENTION, MOST_ENTRIES, PER_RUN))
