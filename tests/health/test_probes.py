"""Each probe asks a real part over its own protocol, and says in words why it got no answer."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import amqp
import pytest

from cluster.health.probes import usage, web
from cluster.health.probes.broker import BrokerProbe
from cluster.health.probes.cache import CacheProbe
from cluster.health.probes.confirms import QUEUE, ConfirmProbe
from cluster.health.probes.database import DatabaseProbe
from cluster.health.probes.probe import NothingLearnt, Probe, ProbeFailed
from cluster.health.probes.supervisor import SupervisorProbe
from cluster.health.probes.web import Unwell, WebProbe
from cluster.secrets.policies import policy
from cluster.services import load_all
from config.environment import DATABASES

IDENTITY = "observer"


@pytest.fixture
def closed_port() -> int:
    """Return a port of this machine on which no process listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    return port


@pytest.fixture
def as_observer(platform: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_IDENTITY", IDENTITY)


@pytest.fixture
def database_probe(as_observer: None) -> Iterator[Callable[[str], DatabaseProbe]]:
    made: list[DatabaseProbe] = []

    def make(name: str) -> DatabaseProbe:
        made.append(DatabaseProbe(name, identity=IDENTITY))
        return made[-1]

    yield make
    for probe in made:
        probe.close()
        probe.holder.close()


@pytest.mark.platform
@pytest.mark.parametrize("name", DATABASES)
def test_a_database_answers_and_tells_of_its_service(
    database_probe: Callable[[str], DatabaseProbe], name: str
) -> None:
    probe = database_probe(name)
    answer = probe.ask()
    assert probe.target == f"postgres-{name}"
    assert answer.milliseconds > 0
    assert [beat.process for beat in answer.detail.heartbeats if "worker" in beat.process]
    assert answer.detail.relays == {f"relay-{name}"}
    assert [lease for lease in answer.detail.leases if lease.member_of == f"{name}_service"]


@pytest.mark.platform
def test_the_deeper_look_is_rarer_than_the_question(
    database_probe: Callable[[str], DatabaseProbe],
) -> None:
    probe = database_probe("orders")
    assert probe.ask().detail is not None
    assert probe.ask().detail is None
    probe.hurried = True
    assert probe.ask().detail is not None


@pytest.mark.platform
def test_sagas_and_the_journal_are_told_by_their_own_databases(
    database_probe: Callable[[str], DatabaseProbe],
) -> None:
    assert database_probe("checkout").ask().detail.sagas is not None
    assert database_probe("site").ask().detail.stream["seq"] > 0
    assert database_probe("orders").ask().detail.sagas is None


@pytest.mark.platform
def test_the_broker_confirms_and_a_lost_queue_is_declared_again(
    as_observer: None, channel: amqp.Channel
) -> None:
    probe = ConfirmProbe()
    probe.ask()
    channel.queue_delete(QUEUE)
    with pytest.raises(NothingLearnt, match="was lost"):
        probe.ask()
    probe.ask()
    assert probe.unconfirmed_since is None
    probe.close()


@pytest.mark.platform
def test_the_broker_tells_of_every_services_queue(as_observer: None) -> None:
    probe = BrokerProbe(load_all())
    waiting = probe.ask().detail
    probe.close()
    assert set(waiting) == set(DATABASES)
    assert all(found.missing == () for found in waiting.values())
    assert {"orders.inbox", "orders.dead", "orders.tasks"} <= set(waiting["orders"].ready)


@pytest.mark.platform
@pytest.mark.parametrize(
    "make",
    [
        CacheProbe,
        web.secrets_probe,
        web.site_probe,
        web.gateway_probe,
        web.provider_probe,
    ],
)
def test_every_other_server_answers(as_observer: None, make: Callable[[], Probe]) -> None:
    probe = make()
    first, second = probe.ask(), probe.ask()  # the second one on the same connection
    probe.close()
    assert min(first.milliseconds, second.milliseconds) > 0


@pytest.mark.platform
def test_the_supervisor_tells_of_every_process(as_observer: None) -> None:
    probe = SupervisorProbe()
    names = {state.name for state in probe.ask()}
    probe.close()
    assert {"worker-orders", "postgres-site", "rabbitmq", "observer"} <= names


def refusal(probe: Probe) -> str:
    with pytest.raises(ProbeFailed) as caught:
        probe.ask()
    return str(caught.value)


def test_a_closed_port_refuses_connections(
    closed_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"127.0.0.1:{closed_port}"
    monkeypatch.setenv("ORDERS_DATABASE_URL", f"postgresql://u:p@{address}/orders")
    monkeypatch.setenv("BROKER_URL", f"pyamqp://u:p@{address}/cluster")
    monkeypatch.setenv("REDIS_URL", f"redis://:p@{address}/0")
    assert {
        refusal(DatabaseProbe("orders", identity=IDENTITY)),
        refusal(BrokerProbe(load_all())),
        refusal(CacheProbe()),
        refusal(WebProbe("web", f"http://{address}", "/healthz", lambda *_: None)),
    } == {"it refuses connections"}


class Server(HTTPServer):
    """An HTTP server that answers every request with one status."""

    status = 200
    requests = 0


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        assert isinstance(self.server, Server)
        self.server.requests += 1
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    made = Server(("127.0.0.1", 0), Handler)
    thread = Thread(target=made.serve_forever, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{made.server_address[1]}"
    for name in ("VAULT_ADDR", "PAYMENTS_WEBHOOK_URL", "PROVIDER_URL", "SITE_URL"):
        monkeypatch.setenv(name, address)
    yield made
    made.shutdown()
    made.server_close()


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (429, "it is on standby"),
        (501, "it is not initialised"),
        (503, "it is sealed"),
        (500, "it answers with 500"),
    ],
)
def test_openbao_tells_by_its_status_why_it_is_not_active(
    server: Server, status: int, words: str
) -> None:
    server.status = status
    probe = web.secrets_probe()
    assert refusal(probe) == words
    probe.close()


def test_a_gateway_without_its_database_is_unwell_and_not_silent(server: Server) -> None:
    server.status = 503
    probe = web.gateway_probe()
    with pytest.raises(Unwell, match="cannot reach its database"):
        probe.ask()
    probe.close()


def test_a_site_that_errs_is_told_with_its_status(server: Server) -> None:
    server.status = 500
    probe = web.site_probe()
    assert refusal(probe) == "it answers with 500"
    probe.close()


def test_a_process_uses_what_it_and_its_children_use() -> None:
    scan = usage.UsageScan()
    first = scan.scan([os.getpid()])[os.getpid()]
    assert first.cpu_percent is None  # a share needs two scans
    assert first.memory_bytes > 10_000_000
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        found = scan.scan([os.getpid(), child.pid, 2**22 + 1])
        child.communicate(b"\n")
    assert set(found) == {os.getpid(), child.pid}
    assert found[os.getpid()].cpu_percent is not None


def test_a_process_started_before_now() -> None:
    begun = usage.started_at(os.getpid())
    assert begun is not None
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        later = usage.started_at(child.pid)
        child.communicate(b"\n")
    assert later is not None
    assert later >= begun
    assert usage.started_at(2**22 + 1) is None


def test_the_observer_may_read_everything_and_write_only_the_sites() -> None:
    rules = policy(IDENTITY)
    for name in DATABASES:
        assert f'"database/creds/{name}-auditor"' in rules
        assert (f'"database/creds/{name}" ' in rules) == (name == "site")
    assert "kv/data/site" not in rules
    assert "kv/data/provider" not in rules
