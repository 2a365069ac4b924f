"""Forgetting runs of demos: the site's worker does it by the clock."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from cluster.messaging.work import UnitOfWork

RETENTION: Final = timedelta(days=7)

PURGE: Final = """
    DELETE FROM demo_run WHERE id IN (
        SELECT id FROM demo_run WHERE began < %s ORDER BY began LIMIT 500
    )
"""
PURGE_SCRATCH: Final = """
    DELETE FROM demo_scratch WHERE id IN (SELECT id FROM demo_scratch WHERE at < %s LIMIT 500)
"""


def purge_runs(work: UnitOfWork) -> None:
    """Delete runs, and what they wrote, older than what is kept, a few at a time."""
    for statement in (PURGE, PURGE_SCRATCH):
        work.cursor.execute(statement, (work.now - RETENTION,))
