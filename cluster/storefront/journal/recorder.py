"""Writing the journal: every message of the cluster, numbered in the order of arrival.

Set-based SQL on the worker's connection, without Django. The numbers have no gap, because they are
given under a lock that is held until the commit.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from cluster.messaging.envelope import Envelope, storable_text
from cluster.messaging.row_digest import entry_digest
from cluster.messaging.streams import count
from cluster.messaging.work import UnitOfWork
from cluster.storefront.journal.read_models import update_read_models

# Any constant does, if no other code locks it in the site's database.
SINGLE_WRITER: Final = 0x6A6F75726E616C  # "journal" in ASCII
DUPLICATES: Final = "journal_duplicates"

# In a statement of its own: the next statement's snapshot is then younger than the commit of the
# transaction that held the lock before.
LOCK: Final = "SELECT pg_advisory_xact_lock(%s)"

APPEND: Final = f"""
    WITH incoming AS (
        SELECT DISTINCT ON (message_id) *
          FROM ROWS FROM (
                   unnest(%b::uuid[], %b::text[], %b::text[], %b::text[], %b::int[], %b::uuid[],
                          %b::uuid[], %b::timestamptz[]),
                   jsonb_array_elements(%s::jsonb)
               ) WITH ORDINALITY
            AS t (message_id, source, type, subject, sequence, correlation,
                  causation, time, envelope, position)
         ORDER BY message_id, position
    ), fresh AS (
        SELECT incoming.*, %b::timestamptz AS recorded_at,
               (SELECT coalesce(max(seq), 0) FROM journal)
                   + row_number() OVER (ORDER BY position) AS seq
          FROM incoming
         WHERE NOT EXISTS (SELECT FROM journal j WHERE j.message_id = incoming.message_id)
    )
    INSERT INTO journal (seq, message_id, source, type, subject, sequence, correlation,
                         causation, time, recorded_at, envelope, digest)
    SELECT seq, message_id, source, type, subject, sequence, correlation,
           causation, time, recorded_at, envelope, {entry_digest(envelope="envelope")}
      FROM fresh
    RETURNING seq, message_id
"""  # noqa: S608


def record(work: UnitOfWork, envelopes: Sequence[Envelope], bodies: Sequence[bytes]) -> int | None:
    """Append a batch to the journal and bring the read models up to date with it.

    `bodies` are the envelopes as they came over the wire, in the same order. A message that is
    there already is skipped and counted. Returns the last `seq` written, or None when there was
    nothing new.
    """
    if not envelopes:
        return None
    work.cursor.execute(LOCK, (SINGLE_WRITER,))
    work.cursor.execute(APPEND.encode(), (*_columns(envelopes, bodies), work.now))
    written: dict[UUID, int] = {message_id: seq for seq, message_id in work.cursor.fetchall()}
    repeated = len(envelopes) - len(written)
    if repeated:
        count(work, DUPLICATES, repeated)
    if not written:
        return None
    unique = {envelope.id: envelope for envelope in envelopes if envelope.id in written}
    update_read_models(work, sorted(unique.values(), key=lambda new: written[new.id]))
    return max(written.values())


def _columns(envelopes: Sequence[Envelope], bodies: Sequence[bytes]) -> tuple[Any, ...]:
    return (
        [envelope.id for envelope in envelopes],
        [storable_text(envelope.source) for envelope in envelopes],
        [storable_text(envelope.type) for envelope in envelopes],
        [storable_text(envelope.subject) for envelope in envelopes],
        [envelope.sequence for envelope in envelopes],
        [envelope.correlationid for envelope in envelopes],
        [envelope.causationid for envelope in envelopes],
        [envelope.time for envelope in envelopes],
        # One JSON array: a PostgreSQL array would need every quotation mark escaped.
        f"[{','.join(storable_json(body) for body in bodies)}]",
    )


def storable_json(body: bytes) -> str:
    r"""Return a JSON document as PostgreSQL's jsonb accepts it.

    Valid JSON may contain `\u0000` or half of a surrogate pair, which jsonb refuses. One such
    message must not keep the journal from every later one.
    """
    text = body.decode("utf-8", errors="replace")
    if "\\u" not in text:
        return text
    return json.dumps(_storable(json.loads(text)), ensure_ascii=False)


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return storable_text(value)
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return {storable_text(key): _storable(item) for key, item in value.items()}
    return value
