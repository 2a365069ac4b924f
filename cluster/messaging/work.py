"""The unit of work: one transaction, its effects, the messages they announce, and its failures.

A handler receives a unit of work and a batch of messages of one type. It reads and writes through
`cursor` and passes outgoing messages to `send`. They become outbox rows in the same transaction
when the inbox flushes the unit (guarantee 1). When it fails, the kind of the error decides what
happens to the message.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol
from uuid import UUID

import psycopg
from psycopg import errors

from cluster.messaging.contract import Payload
from cluster.messaging.envelope import Message
from cluster.secrets.postgres import is_outage


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message not yet written to the outbox, whose sequence is given at the flush."""

    payload: Payload
    subject_id: UUID
    correlation: UUID
    cause: UUID | None
    # Of the message behind this one, in whose trace it is sent.
    traceparent: str | None


class UnitOfWork:
    """A handler's tools: `cursor` inside the open transaction, `now`, and `send`.

    `state` belongs to the middleware, by its name.
    """

    def __init__(self, connection: psycopg.Connection[Any], *, source: str) -> None:
        self.connection = connection
        self.cursor = connection.cursor()
        self.source = source
        self.now = datetime.now(UTC)
        self.outgoing: list[Outgoing] = []
        self.state: dict[str, Any] = {}

    def send(
        self,
        payload: Payload,
        *,
        subject_id: UUID,
        correlation: UUID,
        cause: Message[Payload] | None = None,
        trace: str | None = None,
    ) -> None:
        """Announce `payload` about `<its aggregate>/<subject_id>` when this transaction commits.

        `trace` is the traceparent of an earlier message, for a message without a cause.
        """
        self.outgoing.append(
            Outgoing(
                payload,
                subject_id,
                correlation,
                cause.id if cause else None,
                cause.envelope.traceparent if cause else trace,
            )
        )

    def reply(self, cause: Message[Payload], payload: Payload) -> None:
        """Announce `payload` about the same id as `cause`, in the same correlation."""
        self.send(payload, subject_id=cause.subject_id, correlation=cause.correlation, cause=cause)


class Handler(Protocol):
    """Applies a batch of messages of one type, of which no two share a subject.

    Raises PermanentError for a dead letter, TransientError for a later attempt. The inbox then
    applies the batch one by one, so that one bad message fails alone.
    """

    def __call__(self, work: UnitOfWork, messages: Sequence[Message[Any]], /) -> None: ...


class PermanentError(Exception):
    """This message can never be applied, and becomes a dead letter."""


class TransientError(Exception):
    """This message cannot be applied now, and is tried again after a delay."""


@dataclass(frozen=True, slots=True)
class Scheduled:
    """Work that a service does every `every` seconds, run as a Celery task named `name`."""

    name: str
    every: float
    run: Callable[[UnitOfWork], None]


def ignore(work: UnitOfWork, messages: Sequence[Message[Any]], /) -> None:
    """Do nothing: the type is consumed only because its aggregate is (see Service.check)."""


class Failure(enum.Enum):
    """The three kinds of failure that the inbox distinguishes."""

    CONFLICT = "conflict"  # lost a race in the database: apply again at once
    TRANSIENT = "transient"  # the surroundings are at fault: keep the message, apply later
    PERMANENT = "permanent"  # the message is at fault: dead letter


CONFLICT_ATTEMPTS: Final = 3  # of one message; after those, it is no race that it loses
CONFLICTS = (errors.SerializationFailure, errors.DeadlockDetected, errors.UniqueViolation)


def classify(error: Exception) -> Failure:
    """Return the kind of one error that a handler raised.

    An unforeseen error is a defect in the handler or in the message. Trying it for ever would block
    its aggregate without any report, so it is permanent.
    """
    if isinstance(error, PermanentError):
        return Failure.PERMANENT
    if isinstance(error, TransientError) or is_outage(error):
        return Failure.TRANSIENT
    if isinstance(error, CONFLICTS):
        return Failure.CONFLICT
    return Failure.PERMANENT


def attempt(commit: Callable[[], None]) -> Exception | None:
    """Call `commit`, again at once after a lost race, and return the error that is left."""
    for attempts_left in reversed(range(CONFLICT_ATTEMPTS)):
        try:
            commit()
        except Exception as error:  # noqa: BLE001 - the caller judges it
            if attempts_left and classify(error) is Failure.CONFLICT:
                continue
            return error
        return None
    raise AssertionError("unreachable")
