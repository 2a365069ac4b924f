"""Dead letters of all services: list, show, and send again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import psycopg

from cluster.messaging.contract import UnknownMessageType
from cluster.messaging.envelope import InvalidMessage, decode_envelope, decode_message
from cluster.messaging.outbox import CHANNEL
from cluster.messaging.replays import send_again
from cluster.secrets.postgres import database
from cluster.services import load
from compose.errors import Misuse
from config.environment import DATABASES

LIST: Final = """
    SELECT id, message_id, source, type, subject, sequence, body, reason, detail,
           created_at, replayed_at, replays
      FROM dead_letter WHERE %(every)s OR replayed_at IS NULL ORDER BY id
"""
SHOW: Final = """
    SELECT id, message_id, source, type, subject, sequence, body, reason, detail,
           created_at, replayed_at, replays
      FROM dead_letter WHERE id = %(id)s
"""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One dead letter of the service that could not apply it."""

    service: str
    number: int
    message_id: UUID | None
    source: str
    type: str
    subject: str
    sequence: int | None
    body: bytes
    reason: str
    detail: str
    created_at: datetime
    replayed_at: datetime | None
    replays: int

    @property
    def id(self) -> str:
        return f"{self.service}:{self.number}"

    def text(self) -> str:
        """Return the body as text, with visible escapes for bytes that are not UTF-8."""
        return self.body.decode(errors="backslashreplace")

    def as_json(self) -> dict[str, Any]:
        fields = asdict(self)
        del fields["service"], fields["number"]
        return {
            **fields,
            "id": self.id,
            "service": self.service,
            "message_id": str(self.message_id) if self.message_id else None,
            "body": self.text(),
            "created_at": self.created_at.isoformat(),
            "replayed_at": self.replayed_at.isoformat() if self.replayed_at else None,
        }


def dead_letter_id(text: str) -> tuple[str, int]:
    """Return the service and number of `service:number`.

    Raises Misuse.
    """
    service, _, number = text.partition(":")
    if service not in DATABASES or not (number.isascii() and number.isdigit()):
        raise Misuse(
            f"{text!r} is not the id of a dead letter; they look like checkout:17, and "
            "`python3 manage.py deadletters list` shows them."
        )
    return service, int(number)


def letters(services: Sequence[str], *, every: bool) -> list[DeadLetter]:
    """Return the dead letters of these services, oldest first, with replayed ones if `every`."""
    found = []
    for service in services:
        with _connection(service) as connection:
            rows = connection.execute(LIST, {"every": every}).fetchall()
        found += [DeadLetter(service, *row) for row in rows]
    return found


def letter(text: str) -> DeadLetter:
    """Return the dead letter of this id.

    Raises Misuse when there is none.
    """
    service, number = dead_letter_id(text)
    with _connection(service) as connection:
        # Beyond bigint there is no dead letter, and PostgreSQL would refuse the query.
        row = connection.execute(SHOW, {"id": number}).fetchone() if number < 1 << 63 else None
    if row is None:
        raise Misuse(f"There is no dead letter {text}.")
    return DeadLetter(service, *row)


def replay(letter: DeadLetter) -> None:
    """Send a dead letter again to its own service, and mark it as replayed.

    One transaction: marked and sent, or neither. Raises Misuse when it was replayed meanwhile.
    """
    with _connection(letter.service) as connection:
        sent = send_again(
            connection.cursor(),
            letter=letter.number,
            replays=letter.replays,
            queue=load(letter.service).queue,
            now=datetime.now(UTC),
        )
        connection.execute("SELECT pg_notify(%s, '')", (CHANNEL,))
    if sent is None:
        raise Misuse(f"{letter.id} was sent again by somebody else meanwhile.")


def why_hopeless(letter: DeadLetter) -> str | None:
    """Return the reason why a replay is bound to fail again, or None when it may succeed."""
    try:
        envelope = decode_envelope(letter.body)
        if letter.service != "site":
            decode_message(envelope)
            if envelope.type not in load(letter.service).consumes():
                return f"{letter.service} has no handler for {envelope.type}"
    except (InvalidMessage, UnknownMessageType) as error:
        return str(error)
    return None


@contextmanager
def _connection(service: str) -> Iterator[psycopg.Connection[Any]]:
    """Open one transaction as the operator, who may open every database."""
    with database(service, identity="operator").connect() as connection:
        yield connection
