"""The idempotent inbox: a batch of deliveries becomes one transaction, each message once.

For every batch, in one transaction of the service's own database:

1. Record the message ids. An id that is there already is a duplicate.
2. Advance the position of each (source, subject). A message that comes before an
   earlier one of its subject is parked until that one arrives.
3. Hand the messages to their handlers, type by type, and record in which order.
4. Write what the handlers announced to the outbox.

Only when the batch fails is it applied again message by message, each in a
savepoint, so that one bad message fails alone.
Pattern: Gregor Hohpe, Bobby Woolf, "Enterprise Integration Patterns", Idempotent Receiver.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg

from cluster.messaging import middleware
from cluster.messaging.contract import Payload, UnknownMessageType
from cluster.messaging.dead_letters import (
    Reason,
    Rejected,
    give_up,
    given_up_by_broker,
    inapplicable,
)
from cluster.messaging.envelope import (
    Envelope,
    InvalidMessage,
    Message,
    decode_envelope,
    decode_message,
)
from cluster.messaging.outbox import unit_of_work
from cluster.messaging.service import Service
from cluster.messaging.streams import (
    Run,
    Stream,
    advance,
    clear_parked,
    closed,
    count,
    next_parked,
    park,
    positions,
    record_ids,
    record_order,
)
from cluster.messaging.system_events import Deduplicated, Parked, announce
from cluster.messaging.work import Failure, PermanentError, UnitOfWork, attempt, classify
from cluster.secrets.postgres import DatabaseSession, DatabaseUnavailable

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message that its contract has accepted, with its bytes and the time of its receipt (ns)."""

    body: bytes
    message: Message[Payload]
    received_at: int

    @property
    def envelope(self) -> Envelope:
        return self.message.envelope

    @property
    def stream(self) -> Stream:
        return self.envelope.source, self.envelope.subject


class TransientFailure(Exception):
    """Some messages of a batch could not be applied now.

    `bodies` are to be applied again, later.
    """

    def __init__(self, bodies: Sequence[bytes]) -> None:
        super().__init__(f"{len(bodies)} messages are to be applied again later")
        self.bodies = bodies


class Inbox:
    """Applies deliveries to one service's database.

    Not thread-safe: one worker, one inbox.
    """

    def __init__(self, service: Service, session: DatabaseSession) -> None:
        self._service = service
        self._session = session
        self._handlers = {s.message_type.name: h for s, h in service.table.items()}
        self._turn_has_come = False  # a stream moved that has parked messages

    def apply(self, bodies: Sequence[bytes], arrivals: Sequence[int] = ()) -> None:
        """Apply a batch. On return everything is committed and may be acknowledged.

        `arrivals` say when each came, in ns of the epoch; by default now.

        Raises DatabaseUnavailable (nothing of the batch may be acknowledged), or
        TransientFailure with the bodies still to be applied; the others are committed.
        """
        self._apply_batch(bodies, arrivals)
        if self._turn_has_come:
            self.apply_parked()

    def apply_parked(self) -> None:
        """Apply every parked message whose turn has come, until none is left."""
        while True:
            self._turn_has_come = False
            with self._session.transaction() as connection:
                bodies = next_parked(self._work(connection), limit=200)
            if not bodies:
                return
            try:
                self._apply_batch(bodies, ())
            except TransientFailure:
                return  # they are still parked, and this runs again every few seconds

    def file_given_up(self, bodies: Sequence[bytes]) -> None:
        """Keep the messages that the broker moved to the dead-letter queue."""
        for body in bodies:
            self.give_up(given_up_by_broker(body))

    def _apply_batch(self, bodies: Sequence[bytes], arrivals: Sequence[int]) -> None:
        deliveries, rejected = self._decode(bodies, arrivals or [time.time_ns()] * len(bodies))
        for letter in rejected:
            self.give_up(letter)
        if not deliveries:
            return
        try:
            self._commit(deliveries)
        except DatabaseUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - each message is then tried, and judged, alone
            logger.info("applying one by one, since the batch failed: %r", error)
            self._apply_singly(deliveries)

    def _decode(
        self, bodies: Sequence[bytes], arrivals: Sequence[int]
    ) -> tuple[list[Delivery], list[Rejected]]:
        deliveries, rejected = [], []
        for body, received_at in zip(bodies, arrivals, strict=True):
            envelope = None
            try:
                envelope = decode_envelope(body)
                self._check_type(envelope)
                deliveries.append(Delivery(body, decode_message(envelope), received_at))
            except InvalidMessage as error:
                rejected.append(Rejected(body, Reason.INVALID, str(error), envelope))
            except UnknownMessageType as error:
                rejected.append(Rejected(body, Reason.UNKNOWN_TYPE, str(error), envelope))
        return deliveries, rejected

    def _check_type(self, envelope: Envelope) -> None:
        if envelope.type not in self._handlers:
            raise UnknownMessageType(f"{self._service.name} has no handler for {envelope.type}")

    def _commit(self, deliveries: Sequence[Delivery]) -> None:
        """Apply deliveries in one transaction: ids, positions, effects and messages."""
        with unit_of_work(self._session, source=self._service.name) as work:
            applied = self._receive(work, deliveries)
        self._followed(applied)

    def _followed(self, applied: Sequence[Delivery]) -> None:
        middleware.processed(self._service.name, [(d.envelope, d.received_at) for d in applied])

    def _apply_singly(self, deliveries: Sequence[Delivery]) -> None:
        postponed = [d.body for d in deliveries if self._try(d) is Failure.TRANSIENT]
        if postponed:
            raise TransientFailure(postponed)

    def _try(self, delivery: Delivery) -> Failure | None:
        """Apply one message in a transaction of its own, and file it on a permanent failure."""
        with middleware.applying(self._service.name, delivery.envelope):
            return self._apply_one(delivery)

    def _apply_one(self, delivery: Delivery) -> Failure | None:
        error = attempt(lambda: self._commit([delivery]))
        if error is None:
            return None
        if isinstance(error, DatabaseUnavailable):
            raise error
        if classify(error) is Failure.TRANSIENT:
            return Failure.TRANSIENT
        logger.error("%s cannot be applied", delivery.envelope.type, exc_info=error)
        self.give_up(inapplicable(delivery.body, error, delivery.envelope))
        return Failure.PERMANENT

    def give_up(self, letter: Rejected) -> None:
        """Keep a message that cannot be applied as a dead letter.

        Raises psycopg.Error in an outage.
        """
        give_up(self._session, self._service.name, letter)
        if letter.envelope is not None:
            received = [(letter.envelope, time.time_ns())]
            middleware.processed(self._service.name, received, error=letter.detail)

    def _receive(self, work: UnitOfWork, deliveries: Sequence[Delivery]) -> list[Delivery]:
        """Apply the deliveries whose turn it is, and return them."""
        ready = self._ready(work, deliveries)
        applied: list[Envelope] = []
        for round_ in _rounds(ready):
            for type_name, messages in _by_type(round_).items():
                self._handlers[type_name](work, messages)
                applied += [message.envelope for message in messages]
        if applied:
            record_order(work, applied)
        return ready

    def _ready(self, work: UnitOfWork, deliveries: Sequence[Delivery]) -> list[Delivery]:
        """Return the deliveries that are new, and next of their stream."""
        return self._in_order(work, self._first_time(work, deliveries))

    def _first_time(self, work: UnitOfWork, deliveries: Sequence[Delivery]) -> list[Delivery]:
        """Record the ids and return the deliveries that were not applied before."""
        once = {delivery.message.id: delivery for delivery in deliveries}
        new = record_ids(work, [d.envelope for d in once.values()])
        before = [delivery for delivery in once.values() if delivery.message.id not in new]
        repeated = [d for d in deliveries if once[d.message.id] is not d] + before
        if repeated:
            count(work, "deduplicated", len(repeated))
            for known in {d.message.id: d.envelope for d in repeated}.values():
                notice = Deduplicated(message=known.id, type=known.type, subject=known.subject)
                announce(work, notice, known)
        return [delivery for delivery in once.values() if delivery.message.id in new]

    def _in_order(self, work: UnitOfWork, deliveries: Sequence[Delivery]) -> list[Delivery]:
        """Advance the streams and return the deliveries that are next in their stream.

        One that comes before an earlier one is parked. One whose sequence was taken by a message of
        another id cannot be genuine: PermanentError.
        """
        if not deliveries:
            return []
        runs = _runs(deliveries)
        moved = advance(work, runs)
        ready: list[Delivery] = []
        early: list[Delivery] = []
        for delivery in deliveries:
            is_next = delivery.stream in moved and (
                delivery.envelope.sequence <= runs[delivery.stream][1]
            )
            (ready if is_next else early).append(delivery)
        if early:
            self._park(work, early)
        with_parked = [stream for stream, has_parked in moved.items() if has_parked]
        if with_parked:
            clear_parked(work, with_parked)
            self._turn_has_come = True
        return ready

    def _park(self, work: UnitOfWork, early: Sequence[Delivery]) -> None:
        streams = {delivery.stream for delivery in early}
        reached = positions(work, streams)
        beyond_horizon = closed(work, streams - reached.keys())
        for delivery in early:
            if delivery.stream in beyond_horizon:
                raise PermanentError(
                    f"{delivery.envelope.subject} is older than the horizon: what "
                    f"{self._service.name} knew of it was closed, and nothing more is applied to it"
                )
            if delivery.envelope.sequence <= reached.get(delivery.stream, 0):
                raise PermanentError(
                    f"sequence {delivery.envelope.sequence} of {delivery.envelope.subject} "
                    "was applied already, from a message with another id"
                )
        now_parked = park(work, [(delivery.envelope, delivery.body) for delivery in early])
        count(work, "parked", len(now_parked))
        for delivery in early:
            if delivery.message.id in now_parked:
                one = delivery.envelope
                notice = Parked(
                    message=one.id, type=one.type, subject=one.subject, sequence=one.sequence
                )
                announce(work, notice, one)

    def _work(self, connection: psycopg.Connection[Any]) -> UnitOfWork:
        return UnitOfWork(connection, source=self._service.name)


def _runs(deliveries: Sequence[Delivery]) -> dict[Stream, Run]:
    """Return, for each stream, the consecutive sequences that its deliveries begin with."""
    sequences: dict[Stream, list[int]] = {}
    for delivery in deliveries:
        sequences.setdefault(delivery.stream, []).append(delivery.envelope.sequence)
    runs = {}
    for stream, numbers in sequences.items():
        first, *rest = sorted(numbers)
        last = first
        for number in rest:
            if number != last + 1:
                break
            last = number
        runs[stream] = (first, last)
    return runs


def _rounds(deliveries: Sequence[Delivery]) -> Iterator[list[Delivery]]:
    """Cut a batch, in the order of each subject, so that no id comes twice in a round."""
    streams: dict[Stream, list[Delivery]] = {}
    for delivery in deliveries:
        streams.setdefault(delivery.stream, []).append(delivery)
    in_sequence = {
        stream: iter(sorted(members, key=lambda d: d.envelope.sequence))
        for stream, members in streams.items()
    }
    round_: list[Delivery] = []
    ids: set[UUID] = set()
    for delivery in (next(in_sequence[d.stream]) for d in deliveries):
        if delivery.message.subject_id in ids:
            yield round_
            round_, ids = [], set()
        round_.append(delivery)
        ids.add(delivery.message.subject_id)
    if round_:
        yield round_


def _by_type(deliveries: Sequence[Delivery]) -> dict[str, list[Message[Payload]]]:
    """Return the messages of a round under the names of their types, in the order of arrival."""
    messages: dict[str, list[Message[Payload]]] = {}
    for delivery in deliveries:
        messages.setdefault(delivery.envelope.type, []).append(delivery.message)
    return messages
