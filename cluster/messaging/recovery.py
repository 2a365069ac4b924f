"""The messaging tables after a recovery: what was sent, what arrived, what to send again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from cluster.secrets.postgres import Cursor

SENT: Final = "SELECT subject, last_sequence, updated_at FROM outbox_stream"
WAITING: Final = "SELECT subject, sequence, destination FROM outbox"
APPLIED: Final = "SELECT source, subject, last_sequence FROM inbox_stream"
KEPT: Final = """
    SELECT source, subject, sequence FROM parked
    UNION
    SELECT source, subject, sequence FROM dead_letter
     WHERE replayed_at IS NULL AND sequence IS NOT NULL
"""
RESEND: Final = """
    WITH again AS (
        INSERT INTO outbox
            (message_id, destination, routing_key, subject, sequence, body, created_at)
        SELECT message_id, destination, routing_key, subject, sequence, body, now()
          FROM unnest(%b::uuid[], %b::text[], %b::text[], %b::text[], %b::int[], %b::bytea[])
            AS t (message_id, destination, routing_key, subject, sequence, body)
        RETURNING 1
    )
    SELECT pg_notify('outbox', ''), count(*) FROM again
"""


class Sent(NamedTuple):
    """The last message of a stream that one outbox has announced, and when."""

    last: int
    at: datetime


class Again(NamedTuple):
    """A message to be sent again, to one queue."""

    message_id: UUID
    queue: str
    type: str
    subject: str
    sequence: int
    body: bytes


def sent(cursor: Cursor) -> dict[str, Sent]:
    """Return the end of each stream that this database's outbox has announced, by subject."""
    return {subject: Sent(last, at) for subject, last, at in cursor.execute(SENT)}


def waiting(cursor: Cursor) -> set[tuple[str, int, str]]:
    """Return the messages that the outbox still holds: subject, sequence, destination."""
    return {(subject, number, queue) for subject, number, queue in cursor.execute(WAITING)}


def applied(cursor: Cursor) -> dict[tuple[str, str], int]:
    """Return the last sequence applied of each stream, by source and subject."""
    return {(source, subject): last for source, subject, last in cursor.execute(APPLIED)}


def kept(cursor: Cursor) -> set[tuple[str, str, int]]:
    """Return the messages that are parked or dead letters here: source, subject, sequence."""
    return {(source, subject, number) for source, subject, number in cursor.execute(KEPT)}


def resend(cursor: Cursor, messages: Sequence[Again]) -> None:
    """Write messages to the outbox once more, each for one queue, in the order of their streams."""
    rows = sorted(messages, key=lambda again: (again.subject, again.sequence))
    if rows:
        cursor.execute(RESEND, [list(column) for column in zip(*rows, strict=True)])
