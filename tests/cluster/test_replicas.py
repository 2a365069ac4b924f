"""Two replicas of a service share its partitions, and one consumes both when the other is killed.

The consumers, the inbox and the servers are the real ones. A thread replaces Celery's event
loop.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import pytest

from cluster.catalog.contract import ReserveStock
from cluster.messaging.consumer import QueueConsumer, StandIn
from cluster.messaging.dead_letters import Rejected
from cluster.messaging.envelope import Message, new_message_id
from cluster.messaging.inbox import Inbox
from cluster.messaging.service import Service
from cluster.messaging.topology import connect, partition_queues
from cluster.messaging.work import UnitOfWork
from cluster.secrets.postgres import DatabaseSession
from tests.conditions import eventually
from tests.messaging.own_topology import OwnTopology, own_topology, three_about_each

SHARES: Final = """
    CREATE TABLE IF NOT EXISTS share (id serial, subject text, sequence int, replica int)
"""
HAND_BACK: Final = 0.2  # seconds between two checks, which a worker makes with its heartbeat


class Dying(BaseException):
    """The error that ends a replica between commit and acknowledgement."""


class Replica:
    """The part of a worker that consumes its partitions. `number` is 1 or 2."""

    def __init__(self, number: int, own: OwnTopology, broker_url: str, shares: Shares) -> None:
        self.number = number
        self.session = DatabaseSession(shares.session.database)
        service = Service("catalog", "CAT", handlers={ReserveStock: self._write_down})
        self._inbox = Inbox(service, self.session)
        mine, other = partition_queues(own.service, 2)[:: 1 if number == 1 else -1]
        self._stand_in = StandIn(other, self)
        self._consumers = [QueueConsumer(mine, self), self._stand_in]
        self._connection = connect(broker_url, heartbeat=0)
        for consumer in self._consumers:
            consumer.start(self._connection.channel())
        self._killed = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def kill(self) -> None:
        """Let the replica die after it commits its next batch, and before it acknowledges it."""
        self._killed.set()

    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def end(self) -> None:
        self._killed.set()
        self._thread.join(timeout=20)
        self.session.close()

    def apply(self, bodies: Sequence[bytes], arrivals: Sequence[int] = ()) -> None:
        """The sink of both partitions."""
        self._inbox.apply(bodies, arrivals)
        if self._killed.is_set():
            raise Dying

    def give_up(self, letter: Rejected) -> None:
        raise AssertionError(letter)

    def _run(self) -> None:
        try:
            self._work()
        except Dying:
            pass
        finally:
            self._connection.collect()  # without closing it towards the broker, as when killed

    def _work(self) -> None:
        hand_back_at = 0.0
        while True:
            for consumer in self._consumers:
                consumer.apply_waiting()
            if time.monotonic() > hand_back_at:
                self._stand_in.hand_back()
                hand_back_at = time.monotonic() + HAND_BACK
            try:
                self._connection.drain_events(timeout=HAND_BACK)
            except TimeoutError:
                if self._killed.is_set():
                    raise Dying from None

    def _write_down(self, work: UnitOfWork, messages: Sequence[Message[ReserveStock]], /) -> None:
        for message in messages:
            work.cursor.execute(
                "INSERT INTO share (subject, sequence, replica) VALUES (%s, %s, %s)",
                (message.envelope.subject, message.envelope.sequence, self.number),
            )


class Shares:
    """The messages that each replica applied, in the order of application."""

    def __init__(self, session: DatabaseSession) -> None:
        self.session = session
        with session.transaction() as connection:
            connection.execute(SHARES)
            connection.execute("TRUNCATE share")

    def count(self, replica: int) -> int:
        return sum(found == replica for _, _, found in self._rows())

    def total(self) -> int:
        return len(self._rows())

    def sequences(self) -> dict[str, list[int]]:
        """Return the sequences applied for each subject."""
        applied = defaultdict(list)
        for subject, sequence, _ in self._rows():
            applied[subject].append(sequence)
        return dict(applied)

    def _rows(self) -> list[tuple[str, int, int]]:
        with self.session.transaction() as connection:
            query = "SELECT subject, sequence, replica FROM share ORDER BY id"
            return connection.execute(query).fetchall()


@pytest.fixture
def own(broker_url: str) -> Iterator[OwnTopology]:
    with own_topology(broker_url) as found:
        found.declare(2)
        yield found


@pytest.fixture
def shares(scratch: DatabaseSession) -> Shares:
    return Shares(scratch)


@pytest.fixture
def start(own: OwnTopology, broker_url: str, shares: Shares) -> Iterator[Callable[[int], Replica]]:
    started: list[Replica] = []

    def start_replica(number: int) -> Replica:
        started.append(Replica(number, own, broker_url, shares))
        return started[-1]

    yield start_replica
    for replica in started:
        replica.end()


class Load:
    """A publisher of messages while the replicas work."""

    def __init__(self, own: OwnTopology) -> None:
        self._own = own
        self.expected: dict[str, list[int]] = {}

    def publish(self, subjects: int) -> None:
        """Publish three messages about each of `subjects` new subjects."""
        sent = three_about_each([new_message_id() for _ in range(subjects)])
        self._own.publish(sent)
        self.expected |= {envelope.subject: [1, 2, 3] for envelope in sent}

    def publish_until(self, condition: Callable[[], object]) -> None:
        def condition_under_load() -> object:
            self.publish(5)
            return condition()

        eventually(condition_under_load)


@pytest.fixture
def load(own: OwnTopology) -> Load:
    return Load(own)


def test_a_killed_replica_loses_nothing_and_repeats_nothing(
    start: Callable[[int], Replica], load: Load, shares: Shares
) -> None:
    first, second = start(1), start(2)
    load.publish_until(lambda: shares.count(1) and shares.count(2))

    second.kill()
    load.publish_until(lambda: not second.is_alive())
    load.publish(100)

    eventually(lambda: shares.total() >= 3 * len(load.expected))
    assert shares.sequences() == load.expected
    assert first.is_alive()


def test_a_replica_that_returns_gets_its_partition_back(
    start: Callable[[int], Replica], load: Load, shares: Shares
) -> None:
    start(1)
    load.publish(50)
    eventually(lambda: shares.total() == 150)  # it also consumes the partition of the other

    start(2)
    load.publish_until(lambda: shares.count(2))

    eventually(lambda: shares.total() >= 3 * len(load.expected))
    assert shares.sequences() == load.expected
