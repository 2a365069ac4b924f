"""A user of the broker is refused what belongs to another service, in words."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import amqp
import pytest

from cluster.messaging.publisher import BrokerRefuses, OutboxRow, Publisher
from cluster.messaging.relay import Relay
from cluster.messaging.topology import (
    DEAD_EXCHANGE,
    EXCHANGE,
    QUEUES,
    addressed,
    bind,
    connect,
    declare_service,
)
from cluster.secrets.addresses import broker_url_with
from cluster.secrets.broker_accounts import IDENTITY_OF, secret_of
from cluster.secrets.postgres import DatabaseSession
from cluster.secrets.vault import VaultClient
from cluster.services import load
from tests.conditions import eventually

pytestmark = pytest.mark.platform

AUTHORISED: Final = "payments.payment_authorised.v1"
CONFIRMED: Final = "orders.order_confirmed.v1"
CAPTURE: Final = "payments.capture_payment.v1"


def url_of(account: str) -> str:
    vault = VaultClient(identity=IDENTITY_OF[account])
    return broker_url_with(lambda: vault.read_kv(secret_of(account)))


@contextmanager
def channel_of(account: str) -> Iterator[Any]:
    connection = connect(url_of(account), heartbeat=0)
    try:
        yield connection.channel()
    finally:
        connection.collect()


def publish(channel: Any, exchange: str, key: str) -> None:
    channel.basic_publish_confirm(amqp.Message(b"{}"), exchange=exchange, routing_key=key)


Attempt = Callable[[Any], Any]

READING: Final[dict[str, Attempt]] = {
    "get": lambda channel: channel.basic_get("payments.inbox"),
    "consume": lambda channel: channel.basic_consume("payments.inbox"),
    "dead letters": lambda channel: channel.basic_get("payments.dead"),
    "purge": lambda channel: channel.queue_purge("payments.inbox"),
    "delete": lambda channel: channel.queue_delete("payments.inbox"),
    "unbind": lambda channel: channel.queue_unbind("payments.inbox", EXCHANGE, CAPTURE),
    "listen to commands": lambda channel: channel.queue_bind("orders.inbox", EXCHANGE, CAPTURE),
    "listen to everything": lambda channel: channel.queue_bind("orders.inbox", EXCHANGE, "#"),
    "another queue's post": lambda channel: channel.queue_bind(
        "orders.inbox", QUEUES, "#.to.payments.inbox"
    ),
    "a queue of another name": lambda channel: channel.queue_declare("spy", durable=True),
    "delete the exchange": lambda channel: channel.exchange_delete(EXCHANGE),
    "speak": lambda channel: publish(channel, EXCHANGE, CONFIRMED),
    "speak to one queue": lambda channel: publish(
        channel, QUEUES, addressed(CONFIRMED, "orders.inbox")
    ),
}
SPEAKING: Final[dict[str, Attempt]] = {
    "an event of payments": lambda channel: publish(channel, EXCHANGE, AUTHORISED),
    "a command of checkout": lambda channel: publish(channel, EXCHANGE, CAPTURE),
    "to one queue": lambda channel: publish(
        channel, QUEUES, addressed(AUTHORISED, "checkout.inbox")
    ),
    "a task": lambda channel: publish(
        channel, QUEUES, addressed("payments.send", "payments.tasks")
    ),
    "past the exchanges": lambda channel: publish(channel, "", "payments.inbox"),
    "a dead letter": lambda channel: publish(channel, DEAD_EXCHANGE, "payments.inbox"),
    "read its own queue": lambda channel: channel.basic_get("orders.inbox"),
}


@pytest.mark.parametrize("what", READING)
def test_a_worker_reads_no_queue_of_another_service_and_says_nothing(
    platform: None, what: str
) -> None:
    with channel_of("worker-orders") as channel, pytest.raises(amqp.AccessRefused):
        READING[what](channel)


@pytest.mark.parametrize("what", SPEAKING)
def test_a_relay_says_nothing_in_the_name_of_another_service(platform: None, what: str) -> None:
    with channel_of("relay-orders") as channel, pytest.raises(amqp.AccessRefused):
        SPEAKING[what](channel)


@pytest.mark.parametrize("account", ["beat", "web", "observer", "runner", "auditor"])
def test_nobody_else_reads_or_sends_messages(platform: None, account: str) -> None:
    for attempt in (
        lambda channel: channel.basic_get("orders.inbox"),
        lambda channel: channel.queue_delete("orders.inbox"),
        lambda channel: publish(channel, EXCHANGE, CONFIRMED),
        lambda channel: publish(channel, QUEUES, addressed(CONFIRMED, "checkout.inbox")),
        lambda channel: publish(channel, "", "checkout.inbox"),
    ):
        with channel_of(account) as channel, pytest.raises(amqp.AccessRefused):
            attempt(channel)


def test_a_worker_declares_and_binds_its_own_queues_again(platform: None) -> None:
    for name in ("site", "orders"):
        connection = connect(url_of(f"worker-{name}"), heartbeat=0)
        declare_service(connection, load(name), 1)
        bind(connection.channel(), load(name), 1)
        connection.close()


def test_an_auditor_sees_how_many_messages_wait(platform: None) -> None:
    with channel_of("auditor") as channel:
        assert channel.queue_declare("orders.inbox", passive=True).message_count >= 0


def test_a_refused_right_is_an_error_in_words_and_costs_no_message(
    scratch: DatabaseSession, caplog: pytest.LogCaptureFixture
) -> None:
    """A forgotten right must delay messages, never make dead letters of them."""
    url = url_of("relay-orders")
    row = OutboxRow(1, "1", "", AUTHORISED, "payment/x", b"{}")
    publisher = Publisher(url)
    with pytest.raises(BrokerRefuses, match=r"ACCESS_REFUSED.*payments.payment_authorised.v1"):
        publisher.publish([row])
    publisher.close()
    with scratch.transaction() as connection:
        connection.execute(
            "INSERT INTO outbox (message_id, destination, routing_key, subject, sequence, body, "
            "created_at) VALUES (gen_random_uuid(), '', %s, 'payment/x', 1, '{}', now())",
            [AUTHORISED],
        )
    relay = Relay(scratch.database, lambda: url, source="orders")
    thread = threading.Thread(target=relay.run)
    with caplog.at_level(logging.WARNING):
        thread.start()
        try:
            eventually(
                lambda: any(
                    record.levelno == logging.ERROR and "ACCESS_REFUSED" in record.getMessage()
                    for record in caplog.records
                )
            )
        finally:
            relay.stop()
            thread.join()
    with scratch.transaction() as connection:
        kept = connection.execute(
            "SELECT (SELECT count(*) FROM outbox), (SELECT count(*) FROM dead_letter)"
        ).fetchone()
    assert kept == (1, 0)
