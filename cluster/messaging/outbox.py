"""The transactional outbox: messages are rows, written with the change they announce.

Pattern: Chris Richardson, "Transactional outbox". The rows leave by `relay.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final
from uuid import UUID

from cluster.messaging import middleware
from cluster.messaging.contract import Payload
from cluster.messaging.envelope import (
    Envelope,
    dataschema,
    encode_envelope,
    encode_payload,
    new_message_id,
)
from cluster.messaging.work import Outgoing, UnitOfWork
from cluster.secrets.postgres import DatabaseSession

CHANNEL: Final = "outbox"  # the NOTIFY channel that wakes the relay
NO_ROW: Final = 0  # the id of a copy without a row: those of the table begin at 1

# The stream rows are locked in the order of their subjects, so that two transactions with the same
# subjects wait for each other and never deadlock. The lock is held to the end of the transaction:
# messages of one aggregate therefore get their sequence, and become visible, in commit order
# (guarantee 4).
TAKE_SEQUENCES: Final = """
    INSERT INTO outbox_stream (subject, last_sequence, updated_at)
    SELECT subject, taken, %s FROM unnest(%b::text[], %b::int[]) AS t (subject, taken)
    ORDER BY subject
    ON CONFLICT (subject) DO UPDATE
       SET last_sequence = outbox_stream.last_sequence + EXCLUDED.last_sequence,
           updated_at = EXCLUDED.updated_at
    RETURNING subject, last_sequence
"""

# One NOTIFY for a whole batch: one in each small transaction would cost up to half of the commit
# rate.
WRITE_ROWS: Final = """
    WITH written AS (
        INSERT INTO outbox
            (message_id, destination, routing_key, subject, sequence, body, created_at)
        SELECT message_id, destination, routing_key, subject, sequence, body, %s
          FROM unnest(%b::uuid[], %b::text[], %b::text[], %b::text[], %b::int[], %b::bytea[])
            AS t (message_id, destination, routing_key, subject, sequence, body)
        RETURNING 1
    )
    SELECT pg_notify('outbox', ''), count(*) FROM written
"""


@contextmanager
def unit_of_work(session: DatabaseSession, *, source: str) -> Iterator[UnitOfWork]:
    """Run a block in one transaction, together with the messages that it announces.

    Raises DatabaseUnavailable, when it may have committed or not.
    """
    with session.transaction() as connection:
        work = UnitOfWork(connection, source=source)
        yield work
        flush(work)
    middleware.committed(work)


def flush(work: UnitOfWork) -> int:
    """Write the messages that `work` announced to the outbox and return the number of rows.

    The rows belong to the open transaction of `work`.
    """
    outgoing = work.outgoing
    if not outgoing:
        return 0
    work.outgoing = []
    subjects = [_subject(message.payload, message.subject_id) for message in outgoing]
    sequences = _take_sequences(work, subjects)
    envelopes = [
        _envelope(work, message, subject, sequence)
        for message, subject, sequence in zip(outgoing, subjects, sequences, strict=True)
    ]
    work.cursor.execute(
        WRITE_ROWS,
        (
            work.now,
            [envelope.id for envelope in envelopes],
            [""] * len(envelopes),
            [envelope.type for envelope in envelopes],
            subjects,
            sequences,
            [encode_envelope(envelope) for envelope in envelopes],
        ),
    )
    return len(envelopes)


def _take_sequences(work: UnitOfWork, subjects: Sequence[str]) -> list[int]:
    """Return the sequence of each message, counting on from the last one of its subject."""
    taken = Counter(subjects)
    work.cursor.execute(TAKE_SEQUENCES, (work.now, list(taken), list(taken.values())))
    following = {subject: last - taken[subject] + 1 for subject, last in work.cursor.fetchall()}
    sequences = []
    for subject in subjects:
        sequences.append(following[subject])
        following[subject] += 1
    return sequences


def _subject(payload: Payload, subject_id: UUID) -> str:
    return f"{payload.message_type.aggregate}/{subject_id}"


def _envelope(work: UnitOfWork, message: Outgoing, subject: str, sequence: int) -> Envelope:
    declared = message.payload.message_type
    envelope = Envelope(
        id=new_message_id(),
        source=work.source,
        type=declared.name,
        subject=subject,
        time=work.now,
        dataschema=dataschema(declared),
        correlationid=message.correlation,
        causationid=message.cause,
        sequence=sequence,
        data=encode_payload(message.payload),
    )
    return middleware.write(work, message, envelope)
