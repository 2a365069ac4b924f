"""Deletes old rows of the site's database, as scheduled work of the site's worker."""

from __future__ import annotations

from typing import Final

from cluster.messaging.work import UnitOfWork
from config import retention

JOURNAL_KEPT: Final = retention.JOURNAL
MOST_ENTRIES: Final = 2_000_000  # about 3 GB
PER_RUN: Final = 5_000  # a short transaction, since the journal's writer waits for it
# From the beginning only, so that the rest has no gap. Never the last entry, since the next `seq`
# is counted from it.
PURGE_JOURNAL: Final = """
    DELETE FROM journal
     WHERE seq IN (
        SELECT seq FROM journal
         WHERE (recorded_at < %s OR seq <= (SELECT max(seq) FROM journal) - %s)
           AND seq < (SELECT max(seq) FROM journal)
           AND seq < (SELECT min(seq) FROM journal) + %s
         ORDER BY seq
     )
"""

DEMO_RUNS_KEPT: Final = retention.DEMO_RUNS
PURGE_DEMO_RUNS: Final = """
    DELETE FROM demo_run WHERE id IN (
        SELECT id FROM demo_run WHERE began < %s ORDER BY began LIMIT 500
    )
"""
PURGE_DEMO_SCRATCH: Final = """
    DELETE FROM demo_scratch WHERE id IN (SELECT id FROM demo_scratch WHERE at < %s LIMIT 500)
"""

IDEMPOTENCY_KEYS_KEPT: Final = retention.IDEMPOTENCY_KEYS
PURGE_IDEMPOTENCY_KEYS: Final = """
    DELETE FROM idempotency_key WHERE id IN (
        SELECT id FROM idempotency_key WHERE created_at < %s ORDER BY created_at LIMIT 1000
    )
"""


def purge_journal(work: UnitOfWork) -> None:
    """Delete the oldest entries beyond the limits of age and number, a few at a time."""
    work.cursor.execute(PURGE_JOURNAL, (work.now - JOURNAL_KEPT, MOST_ENTRIES, PER_RUN))


def purge_demo_runs(work: UnitOfWork) -> None:
    """Delete runs of demos that are older than DEMO_RUNS_KEPT, with their rows, a few at a time."""
    for statement in (PURGE_DEMO_RUNS, PURGE_DEMO_SCRATCH):
        work.cursor.execute(statement, (work.now - DEMO_RUNS_KEPT,))


def purge_idempotency_keys(work: UnitOfWork) -> None:
    """Delete keys that are older than IDEMPOTENCY_KEYS_KEPT, a few at a time."""
    work.cursor.execute(PURGE_IDEMPOTENCY_KEYS, (work.now - IDEMPOTENCY_KEYS_KEPT,))
