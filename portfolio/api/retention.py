"""Forgetting idempotency keys: the site's worker does it by the clock."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from cluster.messaging.work import UnitOfWork

KEPT: Final = timedelta(hours=24)

PURGE: Final = """
    DELETE FROM idempotency_key WHERE id IN (
        SELECT id FROM idempotency_key WHERE created_at < %s ORDER BY created_at LIMIT 1000
    )
"""


def purge_keys(work: UnitOfWork) -> None:
    """Delete keys that are older than what is kept, a few at a time."""
    work.cursor.execute(PURGE, (work.now - KEPT,))
