"""The check that the broker confirms a message to a durable quorum queue of the observer's own.

A broker whose quorum log has died goes on accepting connections, answers every passive declare,
and confirms nothing more. Only a publisher can find that out.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

import amqp
from amqp import spec

from cluster.health.probes.broker import address_of_broker, connect_patiently
from cluster.health.probes.probe import (
    Answer,
    NothingLearnt,
    ProbeFailed,
    in_words,
)
from cluster.messaging.topology import QUEUES, addressed, bind_addressed

QUEUE: Final = "observer.confirms"
CONFIRM_PATIENCE: Final = 1.0  # seconds that one question waits for its confirm


class ConfirmProbe:
    """Publishes one message at a time, and remembers since when it waits for the confirm.

    An alarm (memory, disk) blocks publishers on purpose and announces it: that is no silence.
    """

    target = "rabbitmq"

    def __init__(self) -> None:
        self.unconfirmed_since: float | None = None  # seconds of the epoch
        self._connection: amqp.Connection | None = None
        self._channel: amqp.Channel | None = None
        self.alarm: str | None = None  # why an alarm blocks publishers, in the broker's words
        self._returned = False  # the queue is gone

    def silent(self, now: float) -> bool:
        """Return whether a message has waited longer for its confirm than one question may."""
        since = self.unconfirmed_since  # another thread sets it
        return since is not None and now - since > CONFIRM_PATIENCE

    def ask(self) -> Answer:
        """Have a message confirmed, or raise ProbeFailed or NothingLearnt.

        ProbeFailed: no confirm or no answer. NothingLearnt: no password, a lost queue, or an alarm.
        """
        try:
            channel = self._connected()
            if self.unconfirmed_since is None and self.alarm is None:
                self.unconfirmed_since = time.time()
                channel.basic_publish(
                    amqp.Message(b"", delivery_mode=2),
                    exchange=QUEUES,
                    routing_key=addressed("confirm", QUEUE),
                    mandatory=True,  # a message without a queue is confirmed without a log
                )
            self._await_confirm()
        except (OSError, amqp.AMQPError) as error:
            self.close()
            raise ProbeFailed(in_words(error)) from error
        if self._returned:
            self.close()  # to declare it again
            raise NothingLearnt("the queue for its message was lost")
        if self.alarm is not None:
            raise NothingLearnt("an alarm blocks publishers")
        if self.unconfirmed_since is not None:
            raise ProbeFailed("it takes messages and confirms none")
        return Answer(0.0)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.collect()
        self._connection = self._channel = None
        self._returned = False
        self.unconfirmed_since = self.alarm = None

    def _connected(self) -> amqp.Channel:
        if self._channel is None:
            # Without a type: the stubs do not know the callbacks of a blocked connection.
            connection: Any = connect_patiently(address_of_broker())
            self._connection = connection
            _reason(connection, self._on_blocked)
            connection.on_unblocked = self._on_unblocked
            channel: amqp.Channel = connection.channel()
            # A queue of one message, where a new one replaces the old one.
            arguments = {"x-queue-type": "quorum", "x-max-length": 1}
            channel.queue_declare(QUEUE, durable=True, auto_delete=False, arguments=arguments)
            bind_addressed(channel, QUEUE)
            channel.confirm_select()
            events: Any = getattr(channel, "events")  # noqa: B009 - missing in the type stubs
            events["basic_return"].add(self._on_return)
            for answer in ("basic_ack", "basic_nack"):
                events[answer].add(self._on_answer)
            self._channel = channel
        return self._channel

    def _await_confirm(self) -> None:
        assert self._connection is not None, "asked after connecting"
        end = time.monotonic() + CONFIRM_PATIENCE
        while self.unconfirmed_since is not None or self.alarm is not None:
            left = end - time.monotonic()
            if left <= 0:
                return
            try:
                self._connection.drain_events(timeout=left)
            except TimeoutError:
                return

    def _on_answer(self, *_: Any) -> None:
        self.unconfirmed_since = None

    def _on_return(self, *_: Any) -> None:
        self._returned = True

    def _on_blocked(self, reason: str) -> None:
        self.alarm = reason
        self.unconfirmed_since = None

    def _on_unblocked(self) -> None:
        self.alarm = None


def _reason(connection: Any, on_blocked: Callable[[str], None]) -> None:
    """Call `on_blocked` with the broker's reason, which py-amqp does not decode.

    Source: https://www.rabbitmq.com/docs/connection-blocked
    """
    blocked = spec.Connection.Blocked
    connection._METHODS = {**connection._METHODS, blocked: spec.method(blocked, "s")}  # noqa: SLF001
    connection._callbacks[blocked] = on_blocked  # noqa: SLF001
