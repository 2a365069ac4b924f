"""Publishing with confirms, a whole batch in flight at a time.

A message counts as sent when the broker has confirmed it *and* has not returned it as unroutable
(the `mandatory` flag). The journal hears every message of the exchange, so one that the exchange
returns shows that the journal is not bound: none of its batch counts as sent then, since the others
may have reached their consumers and not the journal.
Source: https://www.rabbitmq.com/docs/confirms
"""

from __future__ import annotations

import logging
import struct
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import amqp
from amqp.spec import Basic

from cluster.messaging.envelope import CONTENT_TYPE
from cluster.messaging.topology import EXCHANGE, PARTITION_KEY, QUEUES, addressed, connect

logger = logging.getLogger(__name__)

# Seconds. A paused broker goes on accepting bytes: after this long without a confirm the relay
# closes the connection and sends the unconfirmed messages again.
CONFIRM_TIMEOUT: Final = 8.0
HEARTBEAT: Final = 5


class BrokerUnavailable(Exception):
    """The broker cannot be reached, or went away, so unconfirmed messages must be sent again."""


class BrokerRefuses(BrokerUnavailable):
    """The broker refuses this user the login or the right to publish, until somebody mends it."""


class Unpublishable(Exception):
    """One of the messages can never be sent: it fits no frame, or the broker refuses its content.

    The caller finds it by sending the messages one by one, each by a new Publisher.
    """


class NotJournalled(Exception):
    """The exchange returned `row`, so the journal's queue is missing or not bound."""

    def __init__(self, row: OutboxRow) -> None:
        super().__init__(f"nobody is bound to {row.routing_key}, not even the journal")
        self.row = row


BROKER_ERRORS: Final = (amqp.AMQPError, OSError, amqp.exceptions.MessageNacked)
# The broker's answers to a message that is too large, or otherwise not acceptable. All its other
# refusals concern the exchange, the right to it, or the connection.
CONTENT_ERRORS: Final = (amqp.PreconditionFailed, amqp.exceptions.ContentTooLarge)


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One row of the outbox, as the relay reads it."""

    id: int
    message_id: str
    destination: str
    routing_key: str
    subject: str
    body: bytes


class Publisher:
    """One confirming channel, to be replaced after an error.

    Not thread-safe.
    """

    def __init__(self, url: str) -> None:
        self._unconfirmed: dict[int, str] = {}
        self._refused: set[str] = set()
        self._returned: set[str] = set()
        self._published = 0
        try:
            self._connection = connect(url, heartbeat=HEARTBEAT)
            self._channel = self._connection.channel()
            self._channel.confirm_select()
        except amqp.AccessRefused as error:
            raise BrokerRefuses(str(error)) from error
        except BROKER_ERRORS as error:
            raise BrokerUnavailable(str(error)) from error
        events: Any = getattr(self._channel, "events")  # noqa: B009 - missing in the type stubs
        events["basic_ack"].add(self._on_ack)
        events["basic_nack"].add(self._on_nack)
        events["basic_return"].add(self._on_return)

    @property
    def socket(self) -> Any:
        return self._connection.sock

    def publish(self, rows: Sequence[OutboxRow]) -> list[int]:
        """Send a batch and return the ids of the rows that the broker confirmed as routed.

        Raises NotJournalled, or BrokerUnavailable, or Unpublishable. This Publisher is of no use
        after the last two.
        """
        try:
            with self._in_one_write():
                for row in rows:
                    self._send(row)
            self._await_confirms()
        except CONTENT_ERRORS as error:
            raise Unpublishable(str(error)) from error
        except amqp.AccessRefused as error:
            raise BrokerRefuses(str(error)) from error
        except BROKER_ERRORS as error:
            raise BrokerUnavailable(str(error)) from error
        returned, self._returned = self._returned, set()
        refused, self._refused = self._refused | returned, set()
        for row in rows:
            if row.message_id in returned and not row.destination:
                raise NotJournalled(row)
        return [row.id for row in rows if row.message_id not in refused]

    def keep_alive(self) -> None:
        """Answer heartbeats and notice a closed connection.

        Raises BrokerUnavailable.
        """
        try:
            self._connection.heartbeat_tick()
            self._drain(timeout=0)
        except BROKER_ERRORS as error:
            raise BrokerUnavailable(str(error)) from error

    def close(self) -> None:
        try:
            self._connection.collect()
        except BROKER_ERRORS:
            logger.debug("the broker connection was gone already")

    @contextmanager
    def _in_one_write(self) -> Iterator[None]:
        """Collect the frames of a batch and pass them to the kernel at once.

        py-amqp writes each message by itself: the system calls were a third of the cost of
        publishing.
        """
        transport: Any = self._connection.transport
        write, frames = transport._write, bytearray()  # noqa: SLF001
        transport._write = frames.extend  # noqa: SLF001
        try:
            yield
        finally:
            transport._write = write  # noqa: SLF001
        with transport.having_timeout(CONFIRM_TIMEOUT):
            write(frames)

    def _send(self, row: OutboxRow) -> None:
        message = amqp.Message(
            row.body,
            content_type=CONTENT_TYPE,
            delivery_mode=2,
            message_id=row.message_id,
            type=row.routing_key,
            # The header by which a partition is chosen (CloudEvents' name for it). It is the id
            # alone, so that all of a checkout's aggregates come to the same replica.
            application_headers={
                "subject": row.subject,
                PARTITION_KEY: row.subject.rpartition("/")[2],
            },
        )
        self._published += 1
        self._unconfirmed[self._published] = row.message_id
        exchange, routing_key = EXCHANGE, row.routing_key
        if row.destination:
            exchange, routing_key = QUEUES, addressed(row.routing_key, row.destination)
        mandatory, immediate = True, False
        # Not basic_publish: that looks for incoming frames before each message, which `keep_alive`
        # does once for a batch.
        try:
            self._channel.send_method(
                Basic.Publish,
                "Bssbb",
                (0, exchange, routing_key, mandatory, immediate),
                message,
            )
        except (struct.error, ValueError, amqp.exceptions.FrameSyntaxError) as error:
            # Only building its frames can fail like this: nothing is written yet.
            raise Unpublishable(f"it fits no AMQP frame: {error}") from error

    def _await_confirms(self) -> None:
        give_up = time.monotonic() + CONFIRM_TIMEOUT
        while self._unconfirmed:
            remaining = give_up - time.monotonic()
            if remaining <= 0:
                raise TimeoutError(
                    f"{len(self._unconfirmed)} messages unconfirmed for {CONFIRM_TIMEOUT} s"
                )
            self._drain(timeout=min(remaining, 1.0))

    def _drain(self, *, timeout: float) -> None:
        try:
            self._connection.drain_events(timeout=timeout)
        except (TimeoutError, BlockingIOError):
            return

    def _on_ack(self, delivery_tag: int, multiple: bool) -> None:
        self._settle(delivery_tag, multiple)

    def _on_nack(self, delivery_tag: int, multiple: bool) -> None:
        self._refused.update(self._settle(delivery_tag, multiple))

    def _on_return(
        self, _error: Exception, _exchange: str, routing_key: str, message: amqp.Message
    ) -> None:
        logger.error("nobody is bound to %s; the message stays in the outbox", routing_key)
        self._returned.add(message.properties["message_id"])

    def _settle(self, delivery_tag: int, multiple: bool) -> list[str]:
        if not multiple:
            return [self._unconfirmed.pop(delivery_tag)]
        # Tags are dictionary keys in the order of sending: the confirmed ones are a prefix.
        tags = []
        for tag in self._unconfirmed:
            if tag > delivery_tag:
                break
            tags.append(tag)
        return [self._unconfirmed.pop(tag) for tag in tags]
