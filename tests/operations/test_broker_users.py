"""The broker's users are made by its management API where it runs elsewhere."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import amqp
import pytest

from cluster.messaging.broker_permissions import definitions, rights
from cluster.messaging.topology import connect, declare, declare_service
from cluster.operations.broker_users import send_definitions
from cluster.services import load, load_all
from compose.errors import PlainError
from compose.process import Process
from compose.run_directory import RunDirectory
from compose.servers.rabbitmq import VHOST, Epmd, RabbitMQ, password_hash
from tests.conditions import eventually
from tests.servers import free_port, open_folder

ACCOUNT = {"username": "cluster", "password": "of the operator"}
PASSWORD = "a worker's & password"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The users of a platform, who all have one password."""
    granted = rights(load_all())
    return definitions(
        granted, dict.fromkeys(granted, password_hash(PASSWORD, salt=b"salt")), VHOST
    )


def test_a_management_api_that_is_away_is_named(document: dict[str, Any]) -> None:
    address = f"http://me:mine@127.0.0.1:{free_port()}"
    with pytest.raises(PlainError, match=r"management API at 127\.0\.0\.1:\d+") as refusal:
        send_definitions(address, ACCOUNT, document)
    assert "mine" not in str(refusal.value), "no password in an error"


@contextmanager
def running(process: Process, log: Path) -> Iterator[None]:
    with log.open("wb") as output:
        server = subprocess.Popen(
            process.command,
            env={"PATH": os.defpath, **process.environment},
            cwd=process.folder,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(60)


@pytest.mark.full
def test_the_administrator_of_a_broker_elsewhere_makes_every_user(document: dict[str, Any]) -> None:
    with open_folder("broker-users") as folder, ExitStack() as stack:
        run = RunDirectory(folder)
        run.make()
        epmd, port, management = Epmd(free_port()), free_port(), free_port()
        broker = RabbitMQ(port, distribution_port=free_port(), epmd_port=epmd.port, run=run)
        broker.prepare()
        (broker.data / "enabled_plugins").write_text(
            "[rabbitmq_consistent_hash_exchange,rabbitmq_management].\n"
        )
        with (broker.data / "rabbitmq.conf").open("a") as settings:
            settings.write(f"management.tcp.ip = 127.0.0.1\nmanagement.tcp.port = {management}\n")
        for server in (epmd, broker):
            stack.enter_context(running(server.process(), run.log(server.name)))
            eventually(server.is_ready, within=90)
        operator = {"username": "cluster", "password": run.secret("broker")}
        address = f"http://127.0.0.1:{management}"

        with pytest.raises(PlainError, match="makes no users for cluster: 401"):
            send_definitions(address, operator, document)
        broker.control("set_user_tags", "cluster", "administrator", patience=60)
        send_definitions(address, operator, document)
        named = f"http://cluster:{quote(operator['password'])}@127.0.0.1:{management}/"
        send_definitions(named, ACCOUNT, document)  # again, by a login in the address

        place = f"127.0.0.1:{port}/{VHOST}"
        by_operator = connect(f"pyamqp://cluster:{quote(operator['password'])}@{place}")
        declare(by_operator, load_all(), partitions={"orders": 3})
        worker = connect(f"pyamqp://worker-orders:{quote(PASSWORD)}@{place}")
        for queue in ("orders.inbox", "orders.inbox.2", "orders.dead"):
            by_operator.channel().queue_delete(queue)
        declare_service(worker, load("orders"), 3)  # which brings back what somebody removed
        assert worker.channel().basic_get("orders.inbox") is None
        with pytest.raises(amqp.AccessRefused):
            worker.channel().basic_get("payments.inbox")
        auditor = connect(f"pyamqp://auditor:{quote(PASSWORD)}@{place}")
        auditor.channel().queue_declare("orders.inbox", passive=True)
        for connection in (by_operator, worker, auditor):
            connection.close()
