"""Writing the journal: every message of the cluster, numbered in the order of arrival.

Set-based SQL on the worker's connection, without Django. The numbers have no gap, because they are
given under a lock that is held until the commit.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from cluster.messaging import middleware
from cluster.messaging.dead_letters import Reason, Rejected, give_up, inapplicable
from cluster.messaging.envelope import Envelope, InvalidMessage, decode_envelope, storable_text
from cluster.messaging.outbox import unit_of_work
from cluster.messaging.row_digest import entry_digest
from cluster.messaging.streams import count
from cluster.messaging.work import UnitOfWork, attempt
from cluster.secrets.postgres import DatabaseSession, is_outage
from cluster.storefront.journal.read_models import update_read_models
from cluster.storefront.journal.wake import announce, changed_products

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

logger = logging.getLogger(__name__)

SOURCE: Final = "site"

# An envelope, its bytes, and the time of its arrival (ns of the epoch).
Entry = tuple[Envelope, bytes, int]


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


class JournalSink:
    """Records batches of deliveries in the journal, as a `cluster.messaging.service.Sink`."""

    def __init__(self, session: DatabaseSession) -> None:
        self._session = session

    def apply(self, bodies: Sequence[bytes], arrivals: Sequence[int] = ()) -> None:
        """Record and commit a batch, then wake the web processes.

        A delivery that is not an envelope, or cannot be stored, becomes a dead letter of the site.
        Raises psycopg.Error in an outage.
        """
        entries: list[Entry] = []
        for body, came in zip(bodies, arrivals or [time.time_ns()] * len(bodies), strict=True):
            try:
                entries.append((decode_envelope(body), body, came))
            except InvalidMessage as error:
                self.give_up(Rejected(body, Reason.INVALID, str(error)))
        try:
            self._record(entries)
        except Exception as error:
            if is_outage(error):
                raise
            logger.info("recording one by one, since the batch failed: %r", error)
            for entry in entries:
                self._record_or_file(entry)

    def _record(self, entries: Sequence[Entry]) -> None:
        # With the messages that the site sends in reaction to others.
        with unit_of_work(self._session, source=SOURCE) as work:
            last_seq = record(
                work, [envelope for envelope, _, _ in entries], [body for _, body, _ in entries]
            )
        if last_seq is not None:
            announce(last_seq, changed_products(envelope for envelope, _, _ in entries))
        middleware.processed(SOURCE, [(envelope, came) for envelope, _, came in entries])

    def give_up(self, letter: Rejected) -> None:
        """Keep a delivery that cannot be recorded as a dead letter.

        Raises psycopg.Error in an outage.
        """
        give_up(self._session, SOURCE, letter)

    def _record_or_file(self, entry: Entry) -> None:
        error = attempt(lambda: self._record([entry]))
        if error is None:
            return
        if is_outage(error):
            raise error
        envelope, body, _ = entry
        logger.error("%s cannot be recorded", envelope.type, exc_info=error)
        self.give_up(inapplicable(body, error, envelope))
