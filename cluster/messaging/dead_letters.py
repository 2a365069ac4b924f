"""Dead letters: messages that were given up on, kept as rows with the reason.

They come from two places. The inbox finds a message invalid or inapplicable and
files it in the same transaction as its other work. Or the broker gave up after
the delivery limit, moved it to the dead-letter queue, and the worker files it
from there. Either way one table of the service's own database holds it.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final

from cluster.messaging.envelope import Envelope, InvalidMessage, decode_envelope
from cluster.messaging.notices import announce, dead_lettered
from cluster.messaging.work import UnitOfWork


class Reason(enum.StrEnum):
    """Why a message was given up on."""

    INVALID = "invalid"  # not an envelope, or the payload does not fit its schema
    UNKNOWN_TYPE = "unknown_type"  # no contract declares it, or this service does not handle it
    PERMANENT = "permanent"  # the handler cannot apply it, whatever happens
    DELIVERY_LIMIT = "delivery_limit"  # delivered again and again, and never acknowledged


@dataclass(frozen=True, slots=True)
class Rejected:
    """A delivery that is to be filed, with what could be read of it."""

    body: bytes
    reason: Reason
    detail: str
    envelope: Envelope | None = None


FILE: Final = """
    INSERT INTO dead_letter
        (message_id, source, type, subject, sequence, body, reason, detail, created_at, replays)
    SELECT %(id)s::uuid, %(source)s, %(type)s, %(subject)s, %(sequence)s::int, %(body)s, %(reason)s,
           %(detail)s, %(now)s, 0
     WHERE NOT EXISTS (
         SELECT FROM dead_letter WHERE message_id = %(id)s::uuid AND replayed_at IS NULL
     )
    RETURNING id
"""


def file_dead_letter(work: UnitOfWork, rejected: Rejected) -> None:
    """Keep one message with its reason, and announce that.

    A letter that is kept already, and comes again because its acknowledgement was lost,
    is not kept twice.
    """
    envelope = rejected.envelope
    work.cursor.execute(
        FILE,
        {
            "id": envelope.id if envelope else None,
            "source": envelope.source if envelope else "",
            "type": envelope.type if envelope else "",
            "subject": envelope.subject if envelope else "",
            "sequence": envelope.sequence if envelope else None,
            "body": rejected.body,
            "reason": rejected.reason.value,
            "detail": rejected.detail,
            "now": work.now,
        },
    )
    newly_kept = work.cursor.fetchone() is not None
    # If it had been parked, it no longer waits for its turn.
    if envelope:
        work.cursor.execute("DELETE FROM parked WHERE message_id = %s", (envelope.id,))
    if newly_kept:
        notice = dead_lettered(
            work.source, envelope, reason=rejected.reason.value, detail=rejected.detail
        )
        announce(work, notice, envelope)


def given_up_by_broker(body: bytes) -> Rejected:
    """A delivery that arrived from the service's dead-letter queue."""
    detail = "the broker gave up: the worker never acknowledged it"
    try:
        return Rejected(body, Reason.DELIVERY_LIMIT, detail, decode_envelope(body))
    except InvalidMessage:
        return Rejected(body, Reason.DELIVERY_LIMIT, detail)
