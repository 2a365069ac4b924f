"""The events of the platform itself: deduplicated, parked, dead-lettered, replayed, rotated.

Each service has its own set of types (`orders.message_deduplicated.v1`), since an event is
published by its owner. Each such event is about a subject of its own.
"""

from __future__ import annotations

from typing import Final, cast
from uuid import UUID

import msgspec

from cluster.messaging.contract import Payload, event
from cluster.messaging.envelope import Envelope, new_message_id
from cluster.messaging.work import UnitOfWork
from config.environment import DATABASES, SERVICES


class Deduplicated(Payload, frozen=True):
    """A delivery was recognised as applied already, so it changed nothing."""

    message: UUID
    type: str
    subject: str


class Parked(Payload, frozen=True):
    """A message came before an earlier one of its subject, and waits for it."""

    message: UUID
    type: str
    subject: str
    sequence: int


class DeadLettered(Payload, frozen=True):
    """A message could not be applied, and is kept with the reason."""

    message: UUID | None
    type: str
    subject: str
    reason: str
    detail: str


class MessagesDisturbed(Payload, frozen=True):
    """The relay now does `operation` to the next message of this type in this correlation."""

    operation: str
    message: str


class CredentialsRotated(Payload, frozen=True):
    """A process connects to its database as another user from now on."""

    process: str
    username: str
    generation: int


class DeadLetterReplayed(Payload, frozen=True):
    """A dead letter is on its way to this service again."""

    letter: int
    type: str
    subject: str


class ReplayRefused(Payload, frozen=True):
    """A dead letter was not sent again, for this reason."""

    letter: int
    reason: str


def _declare(schema: type[Payload], verb: str, service: str) -> type[Payload]:
    name = f"{service.capitalize()}{schema.__name__}"
    owned = msgspec.defstruct(
        name, [], bases=(schema,), namespace={"__doc__": schema.__doc__}, frozen=True
    )
    return event(f"{service}.{verb}.v1", aggregate="notice")(cast(type[Payload], owned))


_deduplicated: Final = {s: _declare(Deduplicated, "message_deduplicated", s) for s in DATABASES}
_parked: Final = {s: _declare(Parked, "message_parked", s) for s in DATABASES}
_dead_lettered: Final = {s: _declare(DeadLettered, "message_dead_lettered", s) for s in DATABASES}
_replayed: Final = {s: _declare(DeadLetterReplayed, "dead_letter_replayed", s) for s in DATABASES}
_replay_refused: Final = {s: _declare(ReplayRefused, "replay_refused", s) for s in DATABASES}
_disturbed: Final = {s: _declare(MessagesDisturbed, "messages_disturbed", s) for s in SERVICES}
DISTURBED: Final[frozenset[type[Payload]]] = frozenset(_disturbed.values())
_rotated: Final = {s: _declare(CredentialsRotated, "credentials_rotated", s) for s in DATABASES}


def deduplicated(service: str, envelope: Envelope) -> Payload:
    return _deduplicated[service](message=envelope.id, type=envelope.type, subject=envelope.subject)


def parked(service: str, envelope: Envelope) -> Payload:
    return _parked[service](
        message=envelope.id,
        type=envelope.type,
        subject=envelope.subject,
        sequence=envelope.sequence,
    )


def dead_lettered(service: str, envelope: Envelope | None, *, reason: str, detail: str) -> Payload:
    return _dead_lettered[service](
        message=envelope.id if envelope else None,
        type=envelope.type if envelope else "",
        subject=envelope.subject if envelope else "",
        reason=reason,
        detail=detail[:500],
    )


def dead_letter_replayed(service: str, *, letter: int, type_: str, subject: str) -> Payload:
    return _replayed[service](letter=letter, type=type_, subject=subject)


def replay_refused(service: str, *, letter: int, reason: str) -> Payload:
    return _replay_refused[service](letter=letter, reason=reason)


def messages_disturbed(service: str, *, operation: str, message: str) -> Payload:
    return _disturbed[service](operation=operation, message=message)


def credentials_rotated(service: str, *, process: str, username: str, generation: int) -> Payload:
    return _rotated[service](process=process, username=username, generation=generation)


def announce(work: UnitOfWork, notice: Payload, about: Envelope | None) -> None:
    """Send an event of the platform under the correlation of the message that it is about."""
    identifier = new_message_id()
    work.send(
        notice,
        subject_id=identifier,
        correlation=about.correlationid if about else identifier,
        trace=about.traceparent if about else None,
    )
