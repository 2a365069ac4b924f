"""The events of the platform itself: deduplicated, parked, dead-lettered, replayed, rotated.

Each service has its own set of types (`orders.message_deduplicated.v1`), since an event is
published by its owner. Each such event is about a subject of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

import msgspec

from cluster.messaging.contract import Kind, Payload, of_each
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
    """A process shows other credentials from now on: a login of its database, or another key."""

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


_VERBS: Final[Mapping[type[Payload], tuple[str, Sequence[str]]]] = {
    Deduplicated: ("message_deduplicated", DATABASES),
    Parked: ("message_parked", DATABASES),
    DeadLettered: ("message_dead_lettered", DATABASES),
    DeadLetterReplayed: ("dead_letter_replayed", DATABASES),
    ReplayRefused: ("replay_refused", DATABASES),
    MessagesDisturbed: ("messages_disturbed", SERVICES),
    CredentialsRotated: ("credentials_rotated", DATABASES),
}
_owned: Final = {
    schema: of_each(schema, Kind.EVENT, verb, owners=owners, aggregate="notice")
    for schema, (verb, owners) in _VERBS.items()
}
DISTURBED: Final = frozenset(_owned[MessagesDisturbed].values())


def own(work: UnitOfWork, notice: Payload) -> Payload:
    """Return an event as the type that the service of `work` publishes."""
    return _owned[type(notice)][work.source](**msgspec.structs.asdict(notice))


def announce(work: UnitOfWork, notice: Payload, about: Envelope | None) -> None:
    """Send an event of the platform under the correlation of the message that it is about."""
    identifier = new_message_id()
    work.send(
        own(work, notice),
        subject_id=identifier,
        correlation=about.correlationid if about else identifier,
        trace=about.traceparent if about else None,
    )
