"""The relay on a real RabbitMQ and PostgreSQL: out of the outbox only when confirmed as routed."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from uuid import UUID, uuid4

import amqp
import pytest

from cluster.catalog.contract import StockReserved
from cluster.messaging.envelope import new_message_id
from cluster.messaging.outbox import flush
from cluster.messaging.publisher import OutboxRow, Publisher
from cluster.messaging.relay import Relay
from cluster.messaging.topology import connect
from cluster.messaging.work import UnitOfWork
from cluster.secrets.postgres import DatabaseSession
from tests.conditions import eventually


@pytest.fixture
def queue(channel: amqp.Channel) -> Iterator[str]:
    """A queue of this test's own; outbox rows reach it by their `destination`."""
    name = f"test.{uuid4()}"
    channel.queue_declare(
        name, durable=True, auto_delete=False, arguments={"x-queue-type": "quorum"}
    )
    yield name
    channel.queue_delete(name)


def row(number: int, destination: str, routing_key: str = "catalog.stock_reserved.v1") -> OutboxRow:
    return OutboxRow(number, str(uuid4()), destination, routing_key, "reservation/x", b"{}")


def send_to(scratch: DatabaseSession, queue: str, subjects: list[UUID]) -> None:
    """Commit one event about each subject, addressed to `queue` alone."""
    with scratch.transaction() as connection:
        work = UnitOfWork(connection, source="catalog")
        for subject in subjects:
            event = StockReserved(sku="MUG", quantity=1)
            work.send(event, subject_id=subject, correlation=subject)
        flush(work)
        work.cursor.execute("UPDATE outbox SET destination = %s", (queue,))


def waiting_rows(scratch: DatabaseSession, queue: str) -> int:
    with scratch.transaction() as connection:
        query = "SELECT count(*) FROM outbox WHERE destination = %s"
        found = connection.execute(query, (queue,)).fetchone()
    assert found is not None
    return int(found[0])


@pytest.fixture
def start_relay(scratch: DatabaseSession, broker_url: str) -> Iterator[Callable[[], Relay]]:
    running: list[tuple[Relay, threading.Thread]] = []

    def start() -> Relay:
        relay = Relay(scratch.database, broker_url)
        thread = threading.Thread(target=relay.run)
        thread.start()
        running.append((relay, thread))
        return relay

    yield start
    for relay, thread in running:
        relay.stop()
        thread.join(timeout=10)


def test_the_transport_is_the_one_that_waits_for_confirms(broker_url: str) -> None:
    """`amqp://` would take librabbitmq when it is importable, and that one does not wait."""
    connection = connect(broker_url, heartbeat=0)
    assert type(connection) is amqp.Connection
    connection.close()

    with pytest.raises(ValueError, match="must start with pyamqp://"):
        connect("amqp://127.0.0.1:5672//")


def test_a_message_that_nobody_is_bound_to_is_not_confirmed_as_sent(
    broker_url: str, queue: str
) -> None:
    publisher = Publisher(broker_url)

    sent = publisher.publish([row(1, queue), row(2, "no.such.queue"), row(3, queue)])

    assert sent == [1, 3]
    publisher.close()


def test_a_full_queue_refuses_and_the_message_counts_as_unsent(
    broker_url: str, channel: amqp.Channel
) -> None:
    full = f"test.full.{uuid4()}"
    channel.queue_declare(
        full,
        durable=True,
        auto_delete=False,
        arguments={"x-queue-type": "quorum", "x-max-length": 1, "x-overflow": "reject-publish"},
    )
    publisher = Publisher(broker_url)

    # The limit of a quorum queue takes effect a few messages late; then it holds.
    refused = eventually(
        lambda: [n for n in range(9) if n not in publisher.publish([row(n, full)])]
    )

    assert refused
    publisher.close()
    channel.queue_delete(full)


def test_rows_leave_in_commit_order_and_are_deleted_when_confirmed(
    scratch: DatabaseSession, channel: amqp.Channel, queue: str, start_relay: Callable[[], Relay]
) -> None:
    subjects = [new_message_id() for _ in range(700)]
    send_to(scratch, queue, subjects)

    start_relay()
    eventually(lambda: waiting_rows(scratch, queue) == 0)

    arrived = []
    while (message := channel.basic_get(queue, no_ack=True)) is not None:
        body = message.body if isinstance(message.body, str) else message.body.decode()
        arrived.append(json.loads(body)["subject"])
    assert arrived == [f"reservation/{subject}" for subject in subjects]


def test_a_commit_wakes_a_sleeping_relay(
    scratch: DatabaseSession, queue: str, start_relay: Callable[[], Relay]
) -> None:
    start_relay()
    for _ in range(3):
        send_to(scratch, queue, [new_message_id()])
        eventually(lambda: waiting_rows(scratch, queue) == 0)


def test_a_second_relay_stands_by_and_takes_over(
    scratch: DatabaseSession, queue: str, start_relay: Callable[[], Relay]
) -> None:
    first = start_relay()
    send_to(scratch, queue, [new_message_id()])
    eventually(lambda: waiting_rows(scratch, queue) == 0)
    start_relay()

    first.stop()
    send_to(scratch, queue, [new_message_id()])

    eventually(lambda: waiting_rows(scratch, queue) == 0)
