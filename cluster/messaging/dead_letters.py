"""Dead letters: messages that could not be handled, kept as rows with the reason.

They come from three places. The inbox finds a message invalid or inapplicable and files it in a
transaction of its own. Or the broker reaches the delivery limit and moves the message to the
dead-letter queue, and the worker files it from there. Or the relay finds that a message cannot be
published, and files it where it was written. In each case one table of the service's own database
holds it, once for its bytes. No content can keep a message out of that table: docs/adr/0024.
"""

from __future__ import annotations

import enum
import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from cluster.messaging.envelope import Envelope, InvalidMessage, decode_envelope, storable_text
from cluster.messaging.outbox import unit_of_work
from cluster.messaging.system_events import DeadLettered, announce
from cluster.messaging.tolerant_decoding import UnreadableProperties
from cluster.messaging.work import UnitOfWork
from cluster.secrets.postgres import DatabaseSession, is_outage

logger = logging.getLogger(__name__)

LONGEST_DETAIL: Final = 2_000  # characters; an error may quote a whole message
LONGEST_ANNOUNCED: Final = 500  # characters of it that the event of a dead letter carries


class Reason(enum.StrEnum):
    """The reason why a message became a dead letter."""

    INVALID = "invalid"  # not an envelope, or the payload does not fit its schema
    UNKNOWN_TYPE = "unknown_type"  # no contract declares it, or this service does not handle it
    PERMANENT = "permanent"  # the handler cannot apply it, in any state of the service
    DELIVERY_LIMIT = "delivery_limit"  # delivered again and again, and never acknowledged
    UNPUBLISHABLE = "unpublishable"  # written to this service's outbox, and refused by every broker


@dataclass(frozen=True, slots=True)
class Rejected:
    """A message that is to be filed as a dead letter, with the parts that could be read.

    `properties` are its AMQP properties as they came, when those could not be decoded. `identity`
    holds those that distinguish it from a message with the same body. `way` names the way by which
    it came, if not by a queue, and is kept as its type (`replays.py`).
    """

    body: bytes
    reason: Reason
    detail: str
    envelope: Envelope | None = None
    properties: bytes | None = None
    identity: bytes = b""
    way: str = ""

    @property
    def digest(self) -> bytes:
        """The digest under which it is kept once, however often it is delivered."""
        return hashlib.sha256(self.body + self.identity).digest()


def inapplicable(body: bytes, error: Exception, envelope: Envelope | None = None) -> Rejected:
    """Return the dead letter of a message that failed through a fault of its own."""
    return Rejected(body, Reason.PERMANENT, f"{type(error).__name__}: {error}", envelope)


# One row for the same bytes: a unique index holds the digests of dead letters not yet replayed.
FILE: Final = """
    INSERT INTO dead_letter
        (message_id, source, type, subject, sequence, body, properties, digest, reason, detail,
         created_at, replays)
    VALUES (%(id)s::uuid, %(source)s, %(type)s, %(subject)s, %(sequence)s::int, %(body)s,
            %(properties)s, %(digest)s, %(reason)s, %(detail)s, %(now)s, 0)
    ON CONFLICT (digest) WHERE replayed_at IS NULL DO NOTHING
    RETURNING id
"""
# If it had been parked, it no longer waits for its turn.
UNPARK: Final = "DELETE FROM parked WHERE message_id = %s OR body = %s"


def give_up(session: DatabaseSession, source: str, rejected: Rejected) -> None:
    """Keep one message with its reason, in a transaction of its own.

    No content of the message can prevent that: one that does not fit the columns is kept as bytes
    alone. Raises DatabaseUnavailable, or another error of an outage.
    """
    file_surely(lambda letter: _file_apart(session, source, letter), rejected)


def file_surely(file: Callable[[Rejected], None], rejected: Rejected) -> None:
    """File a dead letter, as bytes alone if its content does not fit.

    Raises only in an outage.
    """
    try:
        file(rejected)
    except Exception as error:
        if is_outage(error):
            raise
        logger.exception("a dead letter is kept as bytes alone")
        detail = f"{rejected.detail} (kept as bytes alone: {type(error).__name__})"
        file(replace(rejected, detail=detail, envelope=None))


def _file_apart(session: DatabaseSession, source: str, rejected: Rejected) -> None:
    with unit_of_work(session, source=source) as work:
        file_dead_letter(work, rejected)


def file_dead_letter(work: UnitOfWork, rejected: Rejected) -> None:
    """Keep one message with its reason, and announce that.

    A dead letter that is kept already, and comes again because its acknowledgement was lost, is not
    kept twice.
    """
    envelope = rejected.envelope
    detail = storable(rejected.detail)
    work.cursor.execute(
        FILE,
        {
            "id": envelope.id if envelope else None,
            "source": envelope.source if envelope else "",
            "type": envelope.type if envelope else rejected.way,
            "subject": envelope.subject if envelope else "",
            "sequence": envelope.sequence if envelope else None,
            "body": rejected.body,
            "properties": rejected.properties,
            "digest": rejected.digest,
            "reason": rejected.reason.value,
            "detail": detail,
            "now": work.now,
        },
    )
    newly_kept = work.cursor.fetchone() is not None
    work.cursor.execute(UNPARK, (envelope.id if envelope else None, rejected.body))
    if newly_kept:
        notice = DeadLettered(
            message=envelope.id if envelope else None,
            type=envelope.type if envelope else "",
            subject=envelope.subject if envelope else "",
            reason=rejected.reason.value,
            detail=detail[:LONGEST_ANNOUNCED],
        )
        announce(work, notice, envelope)


def storable(detail: str) -> str:
    """Return a text of any origin as a column can hold it, shortened."""
    return storable_text(detail[:LONGEST_DETAIL])


def unreadable_dead_letter(body: bytes, found: UnreadableProperties) -> Rejected:
    """Return the dead letter of a delivery whose properties could not be decoded."""
    detail = f"its AMQP properties cannot be decoded: {found.error}"
    identity = found.without_headers
    return Rejected(body, Reason.INVALID, detail, properties=found.raw, identity=identity)


def given_up_by_broker(body: bytes) -> Rejected:
    """Return the dead letter of a delivery from the service's dead-letter queue."""
    detail = "the broker gave up: the worker never acknowledged it"
    return with_envelope(Rejected(body, Reason.DELIVERY_LIMIT, detail))


def with_envelope(rejected: Rejected) -> Rejected:
    """Return the dead letter with the envelope that its body holds, if it holds one."""
    try:
        return replace(rejected, envelope=decode_envelope(rejected.body))
    except InvalidMessage:
        return rejected
