"""Rows of the outbox that no broker takes, moved to the dead letters of their service.

A row whose names fit no frame, or whose body is larger than the broker allows, would fail at each
attempt and keep all later rows waiting. The messages that follow it in its stream are sent: their
consumers park them, and so keep the order until the dead letter is replayed.
"""

from __future__ import annotations

from typing import Any, Final

import psycopg

from cluster.messaging import middleware
from cluster.messaging.dead_letters import (
    Reason,
    Rejected,
    file_dead_letter,
    file_surely,
    with_envelope,
)
from cluster.messaging.outbox import flush
from cluster.messaging.publisher import OutboxRow
from cluster.messaging.work import UnitOfWork

DELETE: Final = "DELETE FROM outbox WHERE id = %s"


def file_unpublishable(
    connection: psycopg.Connection[Any], source: str, row: OutboxRow, error: Exception
) -> None:
    """Move a row from the outbox to the dead letters with the reason, in one transaction.

    No content of the row can prevent that. Raises psycopg.Error in an outage.
    """
    # A dead letter that was being replayed belongs to its own service's queue: replayed once more,
    # it goes there again, and not to every consumer.
    reason = Reason.INVALID if row.destination else Reason.UNPUBLISHABLE
    detail = f"it cannot be published: {error}"
    letter = with_envelope(Rejected(row.body, reason, detail))
    file_surely(lambda kept: _move(connection, source, row, kept), letter)


def _move(
    connection: psycopg.Connection[Any], source: str, row: OutboxRow, letter: Rejected
) -> None:
    with connection.transaction():
        work = UnitOfWork(connection, source=source)
        work.cursor.execute(DELETE, (row.id,))
        file_dead_letter(work, letter)
        flush(work)
    middleware.committed(work)
