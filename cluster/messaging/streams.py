"""The state of a service in every stream it reads: message ids, positions, parked messages.

A stream is a (source, subject): the messages of one aggregate from one publisher, numbered from 1
without a gap. The statements here are set-based: each runs once for a whole batch.

The ids are remembered for a window. Beyond it a repeated message still has no second effect: its
stream's position is past its sequence, and the inbox files it as a dead letter instead of counting
it as a duplicate. Positions are closed at the horizon, and no stream of that age begins again. The
ids serve that counting and the audit of "applied exactly once".
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final, TypeAlias
from uuid import UUID

from cluster.messaging.envelope import Envelope
from cluster.messaging.work import Scheduled, UnitOfWork
from config import retention

Stream: TypeAlias = tuple[str, str]  # source, subject
Run: TypeAlias = tuple[int, int]  # first and last of consecutive sequences

RECORD_IDS: Final = """
    INSERT INTO inbox (message_id, type, applied, applied_at)
    SELECT message_id, type, 1, %s FROM unnest(%b::uuid[], %b::text[]) AS t (message_id, type)
    ON CONFLICT (message_id) DO NOTHING
    RETURNING message_id
"""

# After the handlers, under the locks of the streams, so that two workers of one stream cannot swap
# their places. The database's sequence counts in steps of a thousand.
RECORD_ORDER: Final = """
    UPDATE inbox SET source = t.source, subject = t.subject, sequence = t.sequence,
                     place = drawn.place + t.number
      FROM (SELECT nextval('inbox_place') AS place) AS drawn,
           unnest(%b::uuid[], %b::text[], %b::text[], %b::int[]) WITH ORDINALITY
               AS t (message_id, source, subject, sequence, number)
     WHERE inbox.message_id = t.message_id
"""

# Of a subject whose id is older than what this database has kept (`history.py`).
_CLOSED: Final = """EXISTS (
    SELECT FROM closed_history
     WHERE split_part(subject, '/', 2) < first_kept::text COLLATE "C"
       AND substr(split_part(subject, '/', 2), 15, 1) = '7')"""

# A run begins a stream (its first is 1) or carries it on. Any other run is too early or too late,
# and moves nothing. A stream that was closed, or is as old as such, does not begin again.
ADVANCE: Final = f"""
    WITH runs AS (
        SELECT * FROM unnest(%b::text[], %b::text[], %b::int[], %b::int[])
            AS t (source, subject, first, last)
    ), begun AS (
        INSERT INTO inbox_stream (source, subject, last_sequence, updated_at)
        SELECT source, subject, last, %s FROM runs
         WHERE first = 1 AND NOT {_CLOSED}
         ORDER BY source, subject
        ON CONFLICT (source, subject) DO NOTHING
        RETURNING source, subject
    ), carried_on AS (
        UPDATE inbox_stream s SET last_sequence = runs.last, updated_at = %s
          FROM runs
         WHERE s.source = runs.source AND s.subject = runs.subject
           AND runs.first > 1 AND s.last_sequence = runs.first - 1
        RETURNING s.source, s.subject
    )
    SELECT moved.source, moved.subject,
           EXISTS (SELECT FROM parked p
                    WHERE p.source = moved.source AND p.subject = moved.subject)
      FROM (SELECT * FROM begun UNION ALL SELECT * FROM carried_on) AS moved
"""  # noqa: S608

CLOSED: Final = f"""
    SELECT source, subject FROM unnest(%b::text[], %b::text[]) AS t (source, subject)
     WHERE {_CLOSED}
"""  # noqa: S608

POSITIONS: Final = """
    SELECT source, subject, last_sequence
      FROM inbox_stream JOIN unnest(%b::text[], %b::text[]) AS t (source, subject)
     USING (source, subject)
"""

PARK: Final = """
    WITH parked_now AS (
        INSERT INTO parked (source, subject, sequence, message_id, body, parked_at)
        SELECT source, subject, sequence, message_id, body, %s
          FROM unnest(%b::text[], %b::text[], %b::int[], %b::uuid[], %b::bytea[])
            AS t (source, subject, sequence, message_id, body)
        ON CONFLICT (source, subject, sequence) DO NOTHING
        RETURNING message_id
    ), forgotten AS (
        -- Parked is not applied: its id must be new again when its turn comes.
        DELETE FROM inbox WHERE message_id = ANY(%b::uuid[])
    )
    SELECT message_id FROM parked_now
"""

CLEAR_PARKED: Final = """
    DELETE FROM parked p USING inbox_stream s
     WHERE s.source = p.source AND s.subject = p.subject AND p.sequence <= s.last_sequence
       AND (p.source, p.subject) IN (SELECT * FROM unnest(%b::text[], %b::text[]))
"""

NEXT_PARKED: Final = """
    SELECT p.body FROM parked p
      LEFT JOIN inbox_stream s ON s.source = p.source AND s.subject = p.subject
     WHERE p.sequence = coalesce(s.last_sequence, 0) + 1
     LIMIT %s
"""

COUNT: Final = """
    INSERT INTO counter AS c (name, value) VALUES (%s, %s)
    ON CONFLICT (name) DO UPDATE SET value = c.value + EXCLUDED.value
"""

# A message waits in a queue or an outbox for minutes, in the worst outage for
# hours; a week is far beyond any redelivery.
INBOX_WINDOW: Final = retention.INBOX
PURGE_EVERY: Final = 60.0  # seconds
# Bounded, so that the purge never holds up the messages of a batch.
PURGED_AT_ONCE: Final = 5_000

PURGE: Final = """
    DELETE FROM inbox WHERE message_id IN (
        SELECT message_id FROM inbox WHERE applied_at < %s ORDER BY applied_at LIMIT %s
    )
"""


def record_ids(work: UnitOfWork, envelopes: Sequence[Envelope]) -> set[UUID]:
    """Record message ids and return the ones that were not there before."""
    ids = [envelope.id for envelope in envelopes]
    work.cursor.execute(RECORD_IDS, (work.now, ids, [envelope.type for envelope in envelopes]))
    return {row[0] for row in work.cursor.fetchall()}


def record_order(work: UnitOfWork, applied: Sequence[Envelope]) -> None:
    """Record the order in which these messages were handed to their handlers."""
    work.cursor.execute(
        RECORD_ORDER,
        (
            [envelope.id for envelope in applied],
            [envelope.source for envelope in applied],
            [envelope.subject for envelope in applied],
            [envelope.sequence for envelope in applied],
        ),
    )


def advance(work: UnitOfWork, runs: Mapping[Stream, Run]) -> dict[Stream, bool]:
    """Advance each stream by its run and return, for those that moved, whether they have parked."""
    work.cursor.execute(
        ADVANCE.encode(),
        (
            [source for source, _ in runs],
            [subject for _, subject in runs],
            [first for first, _ in runs.values()],
            [last for _, last in runs.values()],
            work.now,
            work.now,
        ),
    )
    return {(source, subject): parked for source, subject, parked in work.cursor.fetchall()}


def positions(work: UnitOfWork, streams: Collection[Stream]) -> dict[Stream, int]:
    """Return the last sequence applied of each stream that has begun."""
    work.cursor.execute(POSITIONS, _columns(streams))
    return {(source, subject): last for source, subject, last in work.cursor.fetchall()}


def closed(work: UnitOfWork, streams: Collection[Stream]) -> set[Stream]:
    """Return those streams whose subject is older than what this database has kept."""
    work.cursor.execute(CLOSED.encode(), _columns(streams))
    return set(work.cursor.fetchall())


def park(work: UnitOfWork, early: Sequence[tuple[Envelope, bytes]]) -> set[UUID]:
    """Park messages that came too early and return the ids of those not parked already."""
    envelopes = [envelope for envelope, _ in early]
    ids = [envelope.id for envelope in envelopes]
    work.cursor.execute(
        PARK,
        (
            work.now,
            [envelope.source for envelope in envelopes],
            [envelope.subject for envelope in envelopes],
            [envelope.sequence for envelope in envelopes],
            ids,
            [body for _, body in early],
            ids,
        ),
    )
    return {row[0] for row in work.cursor.fetchall()}


def clear_parked(work: UnitOfWork, streams: Collection[Stream]) -> None:
    """Delete the parked copies of messages that these streams have now applied."""
    work.cursor.execute(CLEAR_PARKED, _columns(streams))


def next_parked(work: UnitOfWork, limit: int) -> list[bytes]:
    """Return parked messages whose turn has come."""
    work.cursor.execute(NEXT_PARKED, (limit,))
    return [bytes(row[0]) for row in work.cursor.fetchall()]


def count(work: UnitOfWork, name: str, increase: int) -> None:
    """Add to one of the counters that `cluster verify` reports."""
    work.cursor.execute(COUNT, (name, increase))


def purge_inbox(work: UnitOfWork) -> None:
    """Delete the oldest ids beyond the window, at most PURGED_AT_ONCE of them."""
    work.cursor.execute(PURGE, (work.now - INBOX_WINDOW, PURGED_AT_ONCE))


def retention_of(service: str) -> Scheduled:
    """Return the purge as scheduled work of one service."""
    return Scheduled(f"{service}.purge_inbox", every=PURGE_EVERY, run=purge_inbox)


def _columns(streams: Collection[Stream]) -> tuple[list[str], list[str]]:
    return [source for source, _ in streams], [subject for _, subject in streams]
