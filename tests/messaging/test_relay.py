"""The relay deletes a row from the outbox once a real RabbitMQ confirms the routed message."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from uuid import UUID, uuid4

import amqp
import msgspec
import pytest

from cluster.catalog.contract import StockReserved
from cluster.messaging import dead_letters, publisher
from cluster.messaging.envelope import new_message_id
from cluster.messaging.fault_injection import (
    NOTIFY,
    Ending,
    FaultInjection,
    FaultRule,
    Operation,
    encode_rule,
)
from cluster.messaging.outbox import flush
from cluster.messaging.publisher import OutboxRow, Publisher
from cluster.messaging.relay import BATCH, Relay, _Backlog
from cluster.messaging.topology import bind_addressed, connect
from cluster.messaging.work import UnitOfWork
from cluster.secrets.postgres import DatabaseSession
from tests.conditions import eventually


@pytest.fixture
def queue(channel: amqp.Channel) -> Iterator[str]:
    """A queue of this test's own, which outbox rows reach by their `destination`."""
    name = f"test.{uuid4()}"
    channel.queue_declare(
        name, durable=True, auto_delete=False, arguments={"x-queue-type": "quorum"}
    )
    bind_addressed(channel, name)
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
        work.cursor.execute("UPDATE outbox SET destination = %s WHERE destination = ''", (queue,))


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
        relay = Relay(
            scratch.database,
            lambda: broker_url,
            source="catalog",
            middleware=[FaultInjection()],
        )
        thread = threading.Thread(target=relay.run)
        thread.start()
        running.append((relay, thread))
        return relay

    yield start
    for relay, thread in running:
        relay.stop()
        thread.join(timeout=10)


def test_the_transport_is_the_one_that_waits_for_confirms(broker_url: str) -> None:
    """`amqp://` would use librabbitmq where it is importable, which does not wait for confirms."""
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

    # The limit of a quorum queue takes effect a few messages late, and holds from then on.
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


def test_rows_that_wait_hold_up_no_other_subject_and_leave_in_order(
    scratch: DatabaseSession, channel: amqp.Channel, queue: str, start_relay: Callable[[], Relay]
) -> None:
    missing = f"{queue}.missing"
    subjects = [new_message_id() for _ in range(BATCH + 100)]
    send_to(scratch, missing, subjects)
    free = new_message_id()
    send_to(scratch, queue, [free])

    start_relay()

    assert arrived(channel, queue, 1) == [str(free)]
    assert waiting_rows(scratch, missing) == len(subjects)
    channel.queue_declare(missing, durable=True, auto_delete=False)
    bind_addressed(channel, missing)
    assert arrived(channel, missing, len(subjects)) == [str(subject) for subject in subjects]
    eventually(lambda: waiting_rows(scratch, missing) == 0)
    channel.queue_delete(missing)


def test_what_follows_a_row_that_waits_waits_too() -> None:
    backlog = _Backlog()
    first, other = row(1, "full"), replace(row(2, "full"), subject="reservation/y")

    backlog.settle([first, other], {other.id})

    assert backlog.passed == other.id
    behind, beside = replace(first, id=3), replace(other, id=4)
    elsewhere = row(5, "a.queue.with.room")
    assert backlog.ready([behind, beside, elsewhere]) == [beside, elsewhere]


def test_nothing_counts_as_sent_while_the_journal_is_not_bound(
    scratch: DatabaseSession,
    channel: amqp.Channel,
    queue: str,
    start_relay: Callable[[], Relay],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exchange, journal = f"{queue}.events", f"{queue}.journal"
    channel.exchange_declare(exchange, "topic", durable=True, auto_delete=False)
    channel.queue_declare(journal, durable=True, auto_delete=False)
    channel.queue_bind(queue, exchange, "catalog.stock_reserved.v1")
    monkeypatch.setattr(publisher, "EXCHANGE", exchange)
    attempts: list[int] = []
    publish = Publisher.publish

    def counted(self: Publisher, rows: Sequence[OutboxRow]) -> list[int]:
        attempts.append(len(rows))
        return publish(self, rows)

    monkeypatch.setattr(Publisher, "publish", counted)
    heard_by_both, heard_by_the_journal = new_message_id(), new_message_id()
    send_to(scratch, "", [heard_by_both, heard_by_the_journal])
    with scratch.transaction() as connection:
        connection.execute(
            "UPDATE outbox SET routing_key = 'catalog.product_listed.v1' WHERE subject = %s",
            (f"reservation/{heard_by_the_journal}",),
        )

    start_relay()

    assert arrived(channel, queue, 1) == [str(heard_by_both)]
    eventually(lambda: attempts[1:] == [1, 1])  # of the row alone that nobody hears
    assert channel.basic_get(queue, no_ack=True) is None
    assert waiting_rows(scratch, "") == 2

    channel.queue_bind(journal, exchange, "#")
    eventually(lambda: waiting_rows(scratch, "") == 0)
    assert set(arrived(channel, journal, 2)) == {str(heard_by_both), str(heard_by_the_journal)}
    channel.queue_delete(journal)
    channel.exchange_delete(exchange)


def filed(scratch: DatabaseSession) -> list[tuple[str, str]]:
    """Return the subject and the reason of each dead letter."""
    with scratch.transaction() as connection:
        return connection.execute("SELECT subject, reason FROM dead_letter").fetchall()


@pytest.fixture
def unannounced(monkeypatch: pytest.MonkeyPatch) -> None:
    """File dead letters without an event, which would reach the journal of the tests' platform."""
    monkeypatch.setattr(dead_letters, "announce", lambda *_: None)


@pytest.mark.usefixtures("unannounced")
@pytest.mark.parametrize(("replayed", "reason"), [(False, "unpublishable"), (True, "invalid")])
def test_a_row_that_fits_no_frame_is_filed_and_its_neighbours_are_sent(
    scratch: DatabaseSession,
    channel: amqp.Channel,
    queue: str,
    start_relay: Callable[[], Relay],
    *,
    replayed: bool,
    reason: str,
) -> None:
    first, bad, last = (new_message_id() for _ in range(3))
    send_to(scratch, queue, [first, bad, last])
    with scratch.transaction() as connection:
        connection.execute(
            "UPDATE outbox SET routing_key = repeat('x', 300), destination = %s WHERE subject = %s",
            ("x" * 300 if replayed else "", f"reservation/{bad}"),
        )

    start_relay()

    assert arrived(channel, queue, 2) == [str(first), str(last)]
    eventually(lambda: filed(scratch) == [(f"reservation/{bad}", reason)])
    eventually(lambda: waiting_rows(scratch, "") == 0)


@pytest.mark.usefixtures("unannounced")
def test_a_row_whose_content_the_broker_refuses_is_filed_and_its_neighbours_are_sent(
    scratch: DatabaseSession,
    queue: str,
    start_relay: Callable[[], Relay],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, bad, last = (new_message_id() for _ in range(3))
    send_to(scratch, queue, [first, bad, last])
    with scratch.transaction() as connection:
        [(refused,)] = connection.execute(
            "SELECT message_id::text FROM outbox WHERE subject = %s", (f"reservation/{bad}",)
        ).fetchall()
    confirmed = Publisher._await_confirms

    def confirm(publisher: Publisher) -> None:
        if refused in publisher._unconfirmed.values():
            raise amqp.PreconditionFailed("message size 134217729 is larger than the maximum")
        confirmed(publisher)

    monkeypatch.setattr(Publisher, "_await_confirms", confirm)

    start_relay()

    eventually(lambda: waiting_rows(scratch, queue) == 0)
    assert filed(scratch) == [(f"reservation/{bad}", "invalid")]


def disturb(scratch: DatabaseSession, operation: Operation, **wanted: object) -> None:
    """Notify the relay of a fault rule, as any session of the database can."""
    fields = {"id": str(uuid4()), "until": time.time() + 30, "limit": 1, "seconds": 1.0, **wanted}
    rule = msgspec.convert({"kind": "rule", "operation": operation, **fields}, type=FaultRule)
    with scratch.transaction() as connection:
        connection.execute(NOTIFY, (encode_rule(rule),))


def relaying(scratch: DatabaseSession, queue: str, start_relay: Callable[[], Relay]) -> None:
    """Start a relay, and return once it has sent a message, and therefore listens."""
    start_relay()
    send_to(scratch, queue, [new_message_id()])
    eventually(lambda: waiting_rows(scratch, queue) == 0)


def arrived(channel: amqp.Channel, queue: str, count: int) -> list[str]:
    """Return the subjects of the next `count` messages, in the order of arrival."""
    subjects: list[str] = []

    def enough() -> bool:
        message = channel.basic_get(queue, no_ack=True)
        if message is not None:
            subjects.append(json.loads(message.body)["subject"])
        return len(subjects) == count

    eventually(enough, every=0.01)
    return [subject.removeprefix("reservation/") for subject in subjects]


def test_a_disturbed_relay_sends_a_message_twice_and_its_row_leaves_once(
    scratch: DatabaseSession, channel: amqp.Channel, queue: str, start_relay: Callable[[], Relay]
) -> None:
    relaying(scratch, queue, start_relay)
    first, second = new_message_id(), new_message_id()

    disturb(scratch, Operation.DUPLICATE)
    send_to(scratch, queue, [first, second])

    assert arrived(channel, queue, 4)[1:] == [str(first), str(first), str(second)]
    eventually(lambda: waiting_rows(scratch, queue) == 0)


def test_a_message_held_back_is_overtaken_stays_in_the_outbox_and_then_leaves(
    scratch: DatabaseSession, channel: amqp.Channel, queue: str, start_relay: Callable[[], Relay]
) -> None:
    relaying(scratch, queue, start_relay)
    held, free = new_message_id(), new_message_id()

    disturb(scratch, Operation.DELAY)
    send_to(scratch, queue, [held, free])

    assert arrived(channel, queue, 2)[1:] == [str(free)]
    eventually(lambda: waiting_rows(scratch, queue) == 1, every=0.01)
    assert arrived(channel, queue, 1) == [str(held)]


def test_a_message_is_let_go_by_the_next_one_of_its_aggregate(
    scratch: DatabaseSession, channel: amqp.Channel, queue: str, start_relay: Callable[[], Relay]
) -> None:
    relaying(scratch, queue, start_relay)
    subject, other = new_message_id(), new_message_id()
    disturb(scratch, Operation.REORDER, seconds=30.0)
    send_to(scratch, queue, [subject])
    send_to(scratch, queue, [other])
    assert arrived(channel, queue, 2)[1:] == [str(other)]

    send_to(scratch, queue, [subject])

    assert arrived(channel, queue, 2) == [str(subject), str(subject)]


def test_a_backlog_larger_than_a_batch_passes_by_what_is_held_back(
    scratch: DatabaseSession, channel: amqp.Channel, queue: str, start_relay: Callable[[], Relay]
) -> None:
    relaying(scratch, queue, start_relay)
    disturb(scratch, Operation.DELAY, limit=BATCH + 100, seconds=1.0)

    send_to(scratch, queue, [new_message_id() for _ in range(BATCH + 200)])

    eventually(lambda: waiting_rows(scratch, queue) == BATCH + 100, every=0.01)
    eventually(lambda: waiting_rows(scratch, queue) == 0)


def test_a_read_only_transaction_may_tell_a_relay(scratch: DatabaseSession) -> None:
    """A transaction that may write nothing can still notify the relay."""
    with scratch.transaction() as connection:
        connection.execute("SET TRANSACTION READ ONLY")
        connection.execute(NOTIFY, (encode_rule(Ending(id="none")),))
