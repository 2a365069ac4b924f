"""Dead letters of all services: list, show, and send again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
import psycopg

from cluster.messaging.contract import UnknownMessageType
from cluster.messaging.envelope import InvalidMessage, decode_envelope, decode_message
from cluster.messaging.outbox import CHANNEL, flush
from cluster.messaging.queries import KeptDeadLetter, dead_letter, dead_letters
from cluster.messaging.replays import send_again
from cluster.messaging.work import TransientError, UnitOfWork
from cluster.secrets.postgres import database
from cluster.services import load
from compose.errors import Misuse
from config.environment import DATABASES


def as_json(letter: KeptDeadLetter) -> dict[str, Any]:
    """Return a dead letter as the command line prints it, with its body as text."""
    fields = msgspec.structs.asdict(letter)
    del fields["number"]
    return {
        **fields,
        "id": letter.id,
        "message_id": str(letter.message_id) if letter.message_id else None,
        "body": letter.text(),
        "created_at": letter.created_at.isoformat(),
        "replayed_at": letter.replayed_at.isoformat() if letter.replayed_at else None,
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


def letters(services: Sequence[str], *, every: bool) -> list[KeptDeadLetter]:
    """Return the dead letters of these services, oldest first, with replayed ones if `every`."""
    found = []
    for service in services:
        with _connection(service) as connection:
            found += dead_letters(connection.cursor(), service, every=every)
    return found


def letter(text: str) -> KeptDeadLetter:
    """Return the dead letter of this id.

    Raises Misuse when there is none.
    """
    service, number = dead_letter_id(text)
    with _connection(service) as connection:
        found = dead_letter(connection.cursor(), service, number)
    if found is None:
        raise Misuse(f"There is no dead letter {text}.")
    return found


def replay(letter: KeptDeadLetter) -> None:
    """Send a dead letter again to its own service, and mark it as replayed.

    One transaction: marked and sent, or neither. Raises Misuse when it was replayed meanwhile, or
    cannot be at this moment.
    """
    service = load(letter.service)
    try:
        with _connection(letter.service) as connection:
            work = UnitOfWork(connection, source=letter.service)
            sent = send_again(
                work,
                letter=letter.number,
                replays=letter.replays,
                queue=service.queue,
                ways=service.ways,
            )
            flush(work)
            connection.execute("SELECT pg_notify(%s, '')", (CHANNEL,))
    except TransientError as error:
        raise Misuse(f"{letter.id} was not sent again: {error}. Try again in a moment.") from error
    if sent is None:
        raise Misuse(f"{letter.id} was sent again by somebody else meanwhile.")


def why_hopeless(letter: KeptDeadLetter) -> str | None:
    """Return the reason why a replay is bound to fail again, or None when it may succeed."""
    if letter.type in load(letter.service).ways:
        return None
    try:
        envelope = decode_envelope(letter.body or b"")
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
