"""The time for which the inbox remembers message ids.

Beyond the window a repeated message still has no second effect: its stream's position is past its
sequence, and the inbox files it as a dead letter instead of counting it as a duplicate. The ids are
remembered for the counting and for the audit of "applied exactly once".
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from cluster.messaging.work import Scheduled, UnitOfWork

# A message waits in a queue or an outbox for minutes, in the worst outage for
# hours; a week is far beyond any redelivery.
INBOX_WINDOW: Final = timedelta(days=7)
EVERY: Final = 60.0  # seconds
# Bounded, so that the purge never holds up the messages of a batch.
AT_ONCE: Final = 5_000

PURGE: Final = """
    DELETE FROM inbox WHERE message_id IN (
        SELECT message_id FROM inbox WHERE applied_at < %s ORDER BY applied_at LIMIT %s
    )
"""


def purge_inbox(work: UnitOfWork) -> None:
    """Delete the oldest ids beyond the window, at most AT_ONCE of them."""
    work.cursor.execute(PURGE, (work.now - INBOX_WINDOW, AT_ONCE))


def retention_of(service: str) -> Scheduled:
    """Return the purge as scheduled work of one service."""
    return Scheduled(f"{service}.purge_inbox", every=EVERY, run=purge_inbox)
