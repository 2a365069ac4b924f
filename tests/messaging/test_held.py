"""A consumer counts the seconds for which it has held its oldest delivery. No broker."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import psycopg
import pytest

from cluster.messaging.consumer import Arrived, QueueConsumer
from cluster.messaging.dead_letters import Rejected
from cluster.messaging.inbox import TransientFailure


class Channel:
    """A channel whose acknowledgements do nothing."""

    def basic_ack(self, *_: Any, **__: Any) -> None:
        pass


class Stubborn:
    """A sink that raises `error`, and fails transiently on the bodies in `later`."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.later: set[bytes] = set()

    def apply(self, bodies: Sequence[bytes], _arrivals: Sequence[int] = ()) -> None:
        if self.error is not None:
            raise self.error
        if again := [body for body in bodies if body in self.later]:
            raise TransientFailure(again)

    def give_up(self, letter: Rejected) -> None:
        raise AssertionError(letter)


@pytest.fixture
def sink() -> Stubborn:
    return Stubborn()


@pytest.fixture
def consumer(sink: Stubborn) -> QueueConsumer:
    """A consumer with two deliveries, which came 60 and 30 seconds ago."""
    found = QueueConsumer("orders.inbox", sink)
    found._channel = Channel()  # type: ignore[assignment]
    now = time.time()
    found._waiting = [
        Arrived(tag, body, int((now - age) * 1e9), None)
        for tag, (body, age) in enumerate([(b"first", 60.0), (b"second", 30.0)], start=1)
    ]
    found.settled_at = 0.0
    return found


def test_the_oldest_counts_until_it_is_settled(consumer: QueueConsumer, sink: Stubborn) -> None:
    assert consumer.held() == pytest.approx(60, abs=5)
    sink.later = {b"second"}
    consumer.apply_waiting()
    assert consumer.held() == pytest.approx(30, abs=5)
    assert consumer.settled_at > 0


def test_a_batch_that_is_only_tried_again_does_not_move(
    consumer: QueueConsumer, sink: Stubborn
) -> None:
    sink.error = psycopg.errors.LockNotAvailable("a table is locked")
    consumer.apply_waiting()
    assert consumer.held() == pytest.approx(60, abs=5)
    assert consumer.settled_at == 0


def test_time_in_which_nothing_could_be_applied_is_not_counted(consumer: QueueConsumer) -> None:
    consumer.excuse()
    assert consumer.held() == pytest.approx(0, abs=5)


def test_an_empty_consumer_holds_nothing(consumer: QueueConsumer) -> None:
    consumer.apply_waiting()
    assert consumer.held() is None
