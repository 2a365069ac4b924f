"""The consumer step: a Celery worker takes plain CloudEvents from its queues.

The messages are not Celery tasks, so any client can read them. The step lives in the worker's own
event loop: it takes the deliveries that the broker has pushed, up to a batch, hands the batch to a
sink, and acknowledges after the sink has committed.
Source: https://docs.celeryq.dev/en/stable/userguide/extending.html
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import amqp
from celery import bootsteps

from cluster.messaging.dead_letters import inapplicable, unreadable_dead_letter
from cluster.messaging.inbox import TransientFailure
from cluster.messaging.service import Sink
from cluster.messaging.tolerant_decoding import UnreadableProperties, unreadable
from cluster.messaging.topology import BIND_EVERY, bind, declare_service
from cluster.secrets.postgres import is_outage

logger = logging.getLogger(__name__)

# One transaction for at most this many messages: the commit is shared, and a
# batch still takes well under the heartbeat interval.
BATCH: Final = 200
# Two batches: the next one is here when the first has been committed.
PREFETCH: Final = 2 * BATCH
RETRY_AFTER: Final = (0.1, 0.2, 0.5, 1.0)


@dataclass(frozen=True, slots=True)
class Arrived:
    """A delivery that is not yet acknowledged, and its arrival `at` in ns of the epoch."""

    tag: int
    body: bytes
    at: int
    unreadable: UnreadableProperties | None


class QueueConsumer:
    """Takes the deliveries of one queue to one sink, in batches, acknowledging late."""

    def __init__(self, queue: str, sink: Sink) -> None:
        self.queue = queue
        self.consuming = False
        self.settled_at = time.monotonic()  # when the last message was acknowledged
        self.redelivered = 0  # redeliveries by the broker since this process began
        self._sink = sink
        self._channel: amqp.Channel | None = None
        self._subscriptions = 0
        self._waiting: list[Arrived] = []
        self._failures = 0
        self._not_before = 0.0
        self._able_since = 0.0  # seconds of the epoch

    @property
    def waiting(self) -> int:
        """Return the number of deliveries that are here and not yet applied."""
        return len(self._waiting)

    def held(self) -> float | None:
        """Return the seconds for which the oldest delivery has waited here, or None without one."""
        if not self._waiting:
            return None
        since = max(self._waiting[0].at / 1e9, self._able_since)
        return max(0.0, time.time() - since)

    def excuse(self) -> None:
        """Count the wait from now, since nothing could be applied here until now."""
        self._able_since = time.time()

    def start(self, channel: amqp.Channel) -> None:
        """Consume on `channel`.

        Deliveries of an earlier connection are void: the broker delivers them again.
        """
        self._waiting.clear()
        self._channel = channel
        channel.auto_decode = False  # the bytes as they came, whatever encoding is claimed
        channel.basic_qos(0, PREFETCH, False)
        self._subscribe(channel, wait=True)
        self.consuming = True

    def stop(self) -> None:
        self.consuming = False
        self._channel = None
        self._waiting.clear()

    def full(self) -> bool:
        return len(self._waiting) >= BATCH

    def apply_waiting(self) -> None:
        """Apply one batch, if there is one and no pause after a failure is running."""
        if not self._waiting or time.monotonic() < self._not_before:
            return
        batch, rest = self._waiting[:BATCH], self._waiting[BATCH:]
        left, trouble = self._settle(batch)
        self._waiting = left + rest
        if trouble is None:
            self._failures = 0
            self._acknowledge_to(batch[-1].tag)
        else:
            again = {delivery.tag for delivery in left}
            self._acknowledge_each([one.tag for one in batch if one.tag not in again])
            self._postpone(trouble)

    def _settle(self, batch: Sequence[Arrived]) -> tuple[list[Arrived], Exception | None]:
        """Settle every delivery and return those to retry, in their order, with the last error.

        A delivery is settled when it is applied or kept as a dead letter. Those to retry were
        stopped by an outage or by a transient failure. The inbox recognises the ones among them
        that were committed when they are applied again.
        """
        readable = [delivery for delivery in batch if delivery.unreadable is None]
        left, trouble = _each(
            [delivery for delivery in batch if delivery.unreadable is not None], self._give_up
        )
        try:
            if readable:
                self._sink.apply([one.body for one in readable], [one.at for one in readable])
        except TransientFailure as failure:
            again = set(failure.bodies)
            left, trouble = left + [one for one in readable if one.body in again], failure
        except Exception as error:
            if is_outage(error):
                left, trouble = left + readable, error
            else:
                logger.exception("%s: one by one, since the batch failed", self.queue)
                more, reason = _each(readable, self._apply_or_give_up)
                left, trouble = left + more, reason or trouble
        return sorted(left, key=lambda delivery: delivery.tag), trouble

    def _apply_or_give_up(self, delivery: Arrived) -> None:
        """Apply one delivery, and keep it as a dead letter when the sink fails on it.

        A defect of the sink must not cost any other message.
        """
        try:
            self._sink.apply([delivery.body], [delivery.at])
        except Exception as error:
            if isinstance(error, TransientFailure) or is_outage(error):
                raise
            self._sink.give_up(inapplicable(delivery.body, error))

    def _give_up(self, delivery: Arrived) -> None:
        assert delivery.unreadable is not None, "its properties could not be decoded"
        logger.warning("%s: a message cannot be decoded: %s", self.queue, delivery.unreadable.error)
        self._sink.give_up(unreadable_dead_letter(delivery.body, delivery.unreadable))

    def _subscribe(self, channel: amqp.Channel, *, wait: bool) -> None:
        self._subscriptions += 1
        channel.basic_consume(
            self.queue,
            consumer_tag=self._tag,
            callback=self._receive,
            on_cancel=lambda _tag: self._cancelled(),
            nowait=not wait,
        )

    @property
    def _tag(self) -> str:
        return f"{self.queue}-{self._subscriptions}"

    def _receive(self, message: amqp.Message) -> None:
        body = message.body
        tag = message.delivery_tag
        assert tag is not None, "a delivered message carries its tag"
        if message.delivery_info["redelivered"]:
            self.redelivered += 1
        raw = body.encode() if isinstance(body, str) else bytes(body)
        found = unreadable(message.properties)
        self._waiting.append(Arrived(tag, raw, time.time_ns(), found))

    def _acknowledge_to(self, tag: int) -> None:
        # Deliveries are applied in the order of their tags, so everything up to
        # this one is done: one frame for the batch.
        if self._channel is not None:
            self._channel.basic_ack(tag, multiple=True)
            self.settled_at = time.monotonic()

    def _acknowledge_each(self, tags: Sequence[int]) -> None:
        if self._channel is not None:
            for tag in tags:
                self._channel.basic_ack(tag)
                self.settled_at = time.monotonic()

    def _postpone(self, reason: Exception) -> None:
        pause = RETRY_AFTER[min(self._failures, len(RETRY_AFTER) - 1)]
        logger.warning("%s: trying again in %s s: %s", self.queue, pause, reason)
        self._failures += 1
        self._not_before = time.monotonic() + pause

    def _cancelled(self) -> None:
        """Stop consuming, since the broker ended the subscription on a connection that is up."""
        self.consuming = False
        raise amqp.RecoverableConnectionError(f"the broker cancelled consuming {self.queue}")


def _each(
    deliveries: Sequence[Arrived], settle: Callable[[Arrived], None]
) -> tuple[list[Arrived], Exception | None]:
    """Settle deliveries one by one and return those left over, with the last error.

    An outage ends the loop.
    """
    left: list[Arrived] = []
    trouble: Exception | None = None
    for place, delivery in enumerate(deliveries):
        try:
            settle(delivery)
        except Exception as error:  # noqa: BLE001  # of the surroundings, never of a message
            left.append(delivery)
            trouble = error
            if is_outage(error):
                return left + list(deliveries[place + 1 :]), error
    return left, trouble


class StandIn(QueueConsumer):
    """Consumes the partition of another replica while that replica is away.

    The broker delivers a partition to one of its consumers, the one that came first, and to the
    next only when that one goes. It does not give a partition back to a replica that returns (from
    version 4 it can, by priority), so the stand-in does.
    """

    def __init__(self, queue: str, sink: Sink) -> None:
        super().__init__(queue, sink)
        self._active = False

    def hand_back(self) -> None:
        """Queue up again behind the other consumers, if the broker has chosen this one.

        Deliveries that are already here are still applied and acknowledged here. Where they and the
        successor's first messages overtake each other, the inbox parks the early ones.
        """
        if self._channel is None or not self._active:
            return
        self._active = False
        # Without waiting for the answers: a paused broker must not stop the heartbeat.
        self._channel.basic_cancel(self._tag, nowait=True)
        self._subscribe(self._channel, wait=False)

    def _receive(self, message: amqp.Message) -> None:
        self._active = True
        super()._receive(message)


class InboxStep(bootsteps.StartStopStep):
    """Runs the queue consumers of `app.queue_consumers` on the worker's connection.

    It declares the queues of `app.service` first, and goes on binding them. `parent` is Celery's
    consumer, whose event loop and connection this step uses.
    """

    requires = ("celery.worker.consumer:Connection",)

    def __init__(self, parent: Any, **kwargs: Any) -> None:
        super().__init__(parent, **kwargs)
        self._consumers: Sequence[QueueConsumer] = parent.app.queue_consumers
        self._connection: Any = None
        self._timers: list[Any] = []

    def start(self, parent: Any) -> None:
        self._connection = parent.connection
        service, partitions = parent.app.service, parent.app.partitions
        declare_service(parent.connection.connection, service, partitions)
        for consumer in self._consumers:
            consumer.start(parent.connection.channel())
        parent.hub.on_tick.add(self._on_tick)
        # The loop ticks when there is traffic. This timer makes it tick without, for a batch that
        # waits for its database to return.
        repeat = parent.hub.call_repeatedly
        channel = parent.connection.channel()
        self._timers = [
            repeat(0.1, lambda: None),
            repeat(BIND_EVERY, lambda: bind(channel, service, partitions, nowait=True)),
        ]

    def stop(self, parent: Any) -> None:
        if parent.hub is not None:
            parent.hub.on_tick.discard(self._on_tick)
        for timer in self._timers:
            timer.cancel()
        self._timers = []
        for consumer in self._consumers:
            consumer.stop()

    shutdown = stop

    def _on_tick(self) -> None:
        """Read the deliveries that have come, then apply a batch of each queue.

        Called before the loop waits.
        """
        self._read_ahead()
        for consumer in self._consumers:
            consumer.apply_waiting()

    def _read_ahead(self) -> None:
        """Read further deliveries while there are any and a batch has room."""
        if not any(consumer.waiting for consumer in self._consumers):
            return
        # Set non-blocking mode once for the whole loop, instead of twice for each frame.
        with self._connection.connection.transport.having_timeout(0):
            while not any(consumer.full() for consumer in self._consumers):
                try:
                    self._connection.drain_events(timeout=0)
                except (TimeoutError, BlockingIOError):
                    return
