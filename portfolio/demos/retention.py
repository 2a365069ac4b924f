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


def purge_runs(work: UnitOfWork) -> None:
    """Delete runs that are older than what is kept, a few at a time."""
    work.cursor.execute(PURGE, (work.now - RETENTION,))
