"""Sagas in PostgreSQL: the table `saga`, read and written a batch at a time.

Every function takes a cursor inside an open transaction. Rows are locked in the order of their ids,
so that two batches never wait for each other.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from cluster.sagas.backlog import LONGEST_STEP, Waiting
from cluster.sagas.definition import C, Saga
from cluster.sagas.engine import Phase, SagaState, StepRecord
from cluster.secrets.postgres import Cursor

# More sagas in one transaction would keep the replies of all of them waiting.
SWEEP_LIMIT: Final = 500

# The columns stand in the order of SagaState's fields. JSON travels as text, for msgspec to read
# and write, and arrays in binary (%b): quoting JSON inside a text array costs more than all the
# rest.
_LOAD: Final = """
    SELECT id, definition, state, position, steps::text, context::text, started_at, updated_at,
        reason, failed_step, deadline, ended_at, messages_sent, version
    FROM saga WHERE id = ANY(%s) AND definition = %s ORDER BY id FOR UPDATE
"""

_LOAD_DUE: Final = """
    SELECT id, definition, state, position, steps::text, context::text, started_at, updated_at,
        reason, failed_step, deadline, ended_at, messages_sent, version
    FROM saga WHERE deadline <= %s AND definition = %s
    ORDER BY deadline LIMIT %s FOR UPDATE SKIP LOCKED
"""

_INSERT: Final = """
    INSERT INTO saga (
        id, definition, state, position, steps, context, started_at, updated_at,
        reason, failed_step, deadline, ended_at, messages_sent, version
    )
    SELECT id, definition, state, position, steps::jsonb, context::jsonb, started_at, updated_at,
        reason, failed_step, deadline, ended_at, messages_sent, version
    FROM unnest(
        %b::uuid[], %b::text[], %b::text[], %b::int[], %b::text[], %b::text[],
        %b::timestamptz[], %b::timestamptz[], %b::text[], %b::text[], %b::timestamptz[],
        %b::timestamptz[], %b::int[], %b::int[]
    ) AS new (
        id, definition, state, position, steps, context, started_at, updated_at,
        reason, failed_step, deadline, ended_at, messages_sent, version
    )
    ORDER BY id
    ON CONFLICT (id) DO NOTHING
    RETURNING id
"""

_UPDATE: Final = """
    UPDATE saga SET
        state = new.state, position = new.position, steps = new.steps::jsonb,
        updated_at = new.updated_at, reason = new.reason, failed_step = new.failed_step,
        deadline = new.deadline, ended_at = new.ended_at,
        messages_sent = new.messages_sent, version = new.version
    FROM unnest(
        %b::uuid[], %b::text[], %b::int[], %b::text[], %b::timestamptz[], %b::text[],
        %b::text[], %b::timestamptz[], %b::timestamptz[], %b::int[], %b::int[]
    ) AS new (
        id, state, position, steps, updated_at, reason, failed_step, deadline, ended_at,
        messages_sent, version
    )
    WHERE saga.id = new.id
"""

# A deadline only grows, and ends at most `most` after its command was sent. Sagas that another
# transaction holds are left out, since it is advancing them.
_EXTEND: Final = """
    WITH waiting AS (
        SELECT id, least(deadline + %(by)s,
                         (steps -> position ->> 'asked_at')::timestamptz + %(most)s) AS deadline
          FROM saga
         WHERE definition = %(definition)s AND state = 'running' AND deadline IS NOT NULL
           AND (%(position)s::int IS NULL
                OR position = %(position)s AND deadline <= %(due)s
                   AND (steps -> position ->> 'asked_at')::timestamptz > %(sent_after)s)
         ORDER BY id FOR UPDATE SKIP LOCKED
    )
    UPDATE saga SET deadline = waiting.deadline FROM waiting
     WHERE saga.id = waiting.id AND saga.deadline < waiting.deadline
"""

_COUNT_BY_STATE: Final = "SELECT state, count(*) FROM saga GROUP BY state ORDER BY state"
_COUNT_OPEN: Final = "SELECT count(*) FROM saga WHERE id = ANY (%s) AND ended_at IS NULL"
_LIST: Final = "SELECT id, state, updated_at, reason FROM saga WHERE id = ANY (%s) ORDER BY id"

_encoder: Final = msgspec.json.Encoder()
_steps_decoder: Final = msgspec.json.Decoder(tuple[StepRecord, ...])
_context_decoders: Final[dict[type[Any], msgspec.json.Decoder[Any]]] = {}


class SagaRow(NamedTuple):
    """The state of a saga, for readers who do not advance it."""

    id: UUID
    state: str
    updated_at: datetime
    reason: str


def load_sagas(cursor: Cursor, *, definition: Saga[C], ids: Collection[UUID]) -> list[SagaState[C]]:
    """Return the sagas of these ids that exist, locked until the transaction ends."""
    cursor.execute(_LOAD, (list(ids), definition.name), binary=True)
    return [_state(definition, row) for row in cursor.fetchall()]


def load_due_sagas(cursor: Cursor, *, definition: Saga[C], now: datetime) -> list[SagaState[C]]:
    """Return the sagas whose deadline is over, the longest overdue first, locked.

    Those that another transaction holds are left out, since it is advancing them.
    """
    cursor.execute(_LOAD_DUE, (now, definition.name, SWEEP_LIMIT), binary=True)
    return [_state(definition, row) for row in cursor.fetchall()]


def insert_sagas(cursor: Cursor, *, sagas: Sequence[SagaState[Any]]) -> set[UUID]:
    """Store new sagas and return the ids of those that were not known before."""
    rows = [
        (
            saga.id,
            saga.definition,
            saga.phase.value,
            saga.position,
            _encoder.encode(saga.steps).decode(),
            _encoder.encode(saga.context).decode(),
            saga.started_at,
            saga.updated_at,
            saga.reason,
            saga.failed_step,
            saga.deadline,
            saga.ended_at,
            saga.messages_sent,
            saga.version,
        )
        for saga in sagas
    ]
    cursor.execute(_INSERT, [list(column) for column in zip(*rows, strict=True)])
    return {row[0] for row in cursor.fetchall()}


def update_sagas(cursor: Cursor, *, sagas: Sequence[SagaState[Any]]) -> None:
    """Store the changes of sagas that were loaded in this transaction."""
    rows = [
        (
            saga.id,
            saga.phase.value,
            saga.position,
            _encoder.encode(saga.steps).decode(),
            saga.updated_at,
            saga.reason,
            saga.failed_step,
            saga.deadline,
            saga.ended_at,
            saga.messages_sent,
            saga.version,
        )
        for saga in sagas
    ]
    cursor.execute(_UPDATE, [list(column) for column in zip(*rows, strict=True)])


def extend_deadlines(
    cursor: Cursor, *, definition: Saga[Any], by: timedelta, backlog: Waiting | None = None
) -> int:
    """Give steps that wait for a reply more time and return the number of sagas changed.

    These are all of them, or those of a backlog.
    """
    cursor.execute(
        _EXTEND,
        {
            "definition": definition.name,
            "by": by,
            "most": LONGEST_STEP,
            "position": backlog.step if backlog else None,
            "due": backlog.due if backlog else None,
            "sent_after": backlog.sent_after if backlog else None,
        },
    )
    return cursor.rowcount


def list_sagas(cursor: Cursor, ids: Collection[UUID]) -> list[SagaRow]:
    """Return the sagas of these ids that exist, not locked."""
    return [SagaRow(*row) for row in cursor.execute(_LIST, (list(ids),))]


def count_open(cursor: Cursor, ids: Collection[UUID]) -> int:
    """Return how many of these sagas have not ended."""
    (count,) = cursor.execute(_COUNT_OPEN, (list(ids),)).fetchone() or (0,)
    return int(count)


def count_by_state(cursor: Cursor) -> dict[str, int]:
    """Return the number of all sagas in each state, which reads the whole table."""
    return dict(cursor.execute(_COUNT_BY_STATE).fetchall())


def _state(definition: Saga[C], row: tuple[Any, ...]) -> SagaState[C]:
    decoder = _context_decoders.get(definition.context)
    if decoder is None:
        decoder = msgspec.json.Decoder(definition.context)
        _context_decoders[definition.context] = decoder
    saga_id, name, phase, position, steps, context, *rest = row
    return SagaState(
        saga_id,
        name,
        Phase(phase),
        position,
        _steps_decoder.decode(steps),
        decoder.decode(context),
        *rest,
    )
