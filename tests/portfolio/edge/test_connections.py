"""Requests that are too large, too slow or too many end early, and others are served meanwhile."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
import requests
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from cluster.kit.problems import PROBLEM_JSON
from cluster.storefront.concurrency_limiter import ConcurrencyLimiter, ShareUsed
from config.environment import ROOT
from portfolio.edge import connections
from portfolio.edge.body_limit import VISITORS
from portfolio.edge.connections import (
    ARRIVES_WITHIN,
    CLOSES_WITHIN,
    MOST_CONNECTIONS,
    MOST_OF_ADDRESS,
    BoundedChannel,
)
from portfolio.edge.draining import Draining
from tests.conditions import eventually
from tests.servers import free_port

HERE, ELSEWHERE = "9.9.9.9", "9.9.9.10"  # addresses for documentation count as private
MOST, SHARE = 60, 10
PATIENCE = 3.0  # seconds for a request to arrive, here


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """The port of a server that waits a short time, and gives one address few connections."""
    port = free_port()
    script = str(Path(__file__).with_name("serve.py"))
    command = [sys.executable, script, str(port), str(PATIENCE), str(MOST), str(SHARE)]
    server = subprocess.Popen(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)})
    try:
        eventually(lambda: _listens(port))
        yield port
    finally:
        server.kill()
        server.wait()


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def ask(port: int, head: str, body: bytes = b"", *, client: str = "") -> socket.socket:
    """Return a connection on which these lines of a request were sent."""
    opened = socket.create_connection(("127.0.0.1", port), timeout=20)
    lines = [head, "Host: localhost", *([f"X-Forwarded-For: {client}"] if client else [])]
    opened.sendall("\r\n".join(lines).encode() + body)
    return opened


def answer(opened: socket.socket) -> str:
    """Return all that the server sends before it closes."""
    told = b""
    while True:
        more = opened.recv(65536)
        if not more:
            return told.decode()
        told += more


# Large bodies -------------------------------------------------------------------------


def test_a_large_body_is_refused_by_its_declared_length_alone(port: int) -> None:
    head = f"POST /echo/ HTTP/1.1\r\nContent-Length: {VISITORS + 1}\r\nExpect: 100-continue"
    with ask(port, head, b"\r\n\r\n") as opened:
        told = answer(opened)
    assert told.startswith("HTTP/1.1 413 ")
    assert "That is too much to take in one piece." in told
    assert "100 Continue" not in told


def test_a_program_is_told_by_a_problem_document(port: int) -> None:
    head = f"POST /api/v1/echo HTTP/1.1\r\nContent-Length: {10**12}"
    with ask(port, head, b"\r\n\r\n") as opened:
        told = answer(opened)
    assert told.startswith("HTTP/1.1 413 ")
    assert PROBLEM_JSON in told
    assert f"The body is larger than {VISITORS} bytes" in told


def test_a_client_that_sends_its_body_all_the_same_reads_the_answer(port: int) -> None:
    told = requests.post(f"http://127.0.0.1:{port}/echo/", data=b"x" * 3_000_000, timeout=20)
    assert told.status_code == 413


def test_a_chunked_body_is_refused_when_it_becomes_too_large(port: int) -> None:
    chunk = b"\r\n\r\n" + b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    with ask(port, "POST /echo/ HTTP/1.1\r\nTransfer-Encoding: chunked", chunk) as opened:
        opened.sendall(b"1\r\nx\r\n")  # it does not end
        assert answer(opened).startswith("HTTP/1.1 413 ")


def test_bodies_below_the_limit_arrive_whole(port: int) -> None:
    address = f"http://127.0.0.1:{port}"
    with requests.Session() as session:
        for size in (0, 1, VISITORS):
            for body in (b"x" * size, iter([b"x" * size] if size else [])):
                told = session.post(f"{address}/echo/", data=body, timeout=20)
                assert told.json()["bytes"] == size
        told = session.post(f"{address}/admin/echo/", data=b"x" * 1_000_000, timeout=20)
        assert told.json()["bytes"] == 1_000_000
        told = session.post(f"{address}/%61dmin/echo/", data=b"x" * 1_000_000, timeout=20)
        assert told.json()["bytes"] == 1_000_000


def test_a_client_does_not_choose_the_prefix_of_links(port: int) -> None:
    headers = {"Daphne-Root-Path": "//evil.example"}
    told = requests.get(f"http://127.0.0.1:{port}/echo/", headers=headers, timeout=20)
    assert told.json()["prefix"] == ""


# Slow requests ------------------------------------------------------------------------

DRIPPED = (
    ("GET /echo/ HTTP/1.1", b"\r\nX-Never: "),
    ("POST /echo/ HTTP/1.1\r\nContent-Length: 60000", b"\r\n\r\n"),
    ("POST /echo/ HTTP/1.1\r\nTransfer-Encoding: chunked", b"\r\n\r\nffff\r\n"),
)


@pytest.mark.parametrize(("head", "begun"), DRIPPED, ids=["headers", "body", "chunked"])
def test_what_arrives_by_drops_is_cut_off(port: int, head: str, begun: bytes) -> None:
    with ask(port, head, begun) as opened:
        opened.settimeout(0.2)
        told = b""
        for _ in range(200):
            opened.sendall(b"x")  # each byte starts an idle timer anew
            with suppress(TimeoutError):
                told = opened.recv(65536)
                break
        assert told.startswith(b"HTTP/1.1 408 ")
        assert b"nothing was done" in told
        assert opened.recv(1) == b""


def test_fifty_dripped_bodies_of_one_address_leave_the_others_their_connections(port: int) -> None:
    with ExitStack() as open_ones:
        begun = [
            open_ones.enter_context(
                ask(port, "POST /echo/ HTTP/1.1\r\nContent-Length: 9", b"\r\n\r\nx", client=HERE)
            )
            for _ in range(50)
        ]
        told = [one.recv(65536).decode() for one in begun[SHARE:]]
        assert [text.partition("\r\n")[0] for text in told] == (
            ["HTTP/1.1 429 Too Many Requests"] * (50 - SHARE)
        )
        assert "Retry-After: 5" in told[0]
        served = requests.get(
            f"http://127.0.0.1:{port}/echo/", headers={"X-Forwarded-For": ELSEWHERE}, timeout=20
        )
        assert served.status_code == 200
    again = {"X-Forwarded-For": HERE}
    address = f"http://127.0.0.1:{port}/echo/"
    assert eventually(lambda: requests.get(address, headers=again, timeout=20).ok)


UPGRADE = (
    "GET /stream/ HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="
)


def test_a_websocket_leaves_the_count_of_connections(port: int) -> None:
    for _ in range(MOST + 5):
        ask(port, UPGRADE, b"\r\n\r\n").close()
        assert requests.get(f"http://127.0.0.1:{port}/echo/", timeout=20).status_code == 200


# One connection, with a clock of its own -----------------------------------------------


class Transport(StringTransport):  # type: ignore[misc]  # Twisted has no types
    """The other end of a connection, as Twisted's own tests have it."""

    half_closed = False

    def loseWriteConnection(self) -> None:  # noqa: N802  # Twisted's name
        self.half_closed = True


class Line:
    """A connection from `peer`, and what was written to it."""

    def __init__(self, limiter: ConcurrencyLimiter, peer: str) -> None:
        self.clock = Clock()
        self.transport = Transport()
        self.transport.getPeer = lambda: type("Peer", (), {"host": peer})
        self.channel = BoundedChannel(limiter, Draining())
        self.channel.callLater = self.clock.callLater
        self.channel.timeOut = 60
        self.channel.requestFactory = lambda *_: pytest.fail("no request is expected")
        self.channel.makeConnection(self.transport)

    @property
    def told(self) -> str:
        return str(self.transport.value().decode())


@pytest.fixture
def limiter() -> ConcurrencyLimiter:
    return ConcurrencyLimiter(3, 2)


def test_a_connection_counts_for_its_address_until_it_is_lost(limiter: ConcurrencyLimiter) -> None:
    first, _second = Line(limiter, HERE), Line(limiter, HERE)
    third = Line(limiter, HERE)
    assert third.told.startswith("HTTP/1.1 429 ")
    first.channel.connectionLost(None)
    assert Line(limiter, HERE).told == ""
    full = [Line(limiter, ELSEWHERE), Line(limiter, ELSEWHERE)]
    assert [line.told.partition("\r\n")[0] for line in full] == [
        "",
        "HTTP/1.1 503 Service Unavailable",
    ]
    third.channel.connectionLost(None)  # it was refused, and is not counted twice
    with pytest.raises(ShareUsed):
        limiter.acquire(HERE)


@pytest.mark.parametrize("peer", ["127.0.0.1", "10.1.2.3", "::1", "fd00::1"])
def test_a_proxy_has_as_many_as_there_are(limiter: ConcurrencyLimiter, peer: str) -> None:
    assert [Line(limiter, peer).told for _ in range(3)] == ["", "", ""]


def test_a_connection_without_a_request_is_closed_in_silence(limiter: ConcurrencyLimiter) -> None:
    line = Line(limiter, HERE)
    line.clock.advance(ARRIVES_WITHIN - 1)
    assert not line.transport.disconnecting
    line.clock.advance(1)
    assert line.transport.disconnecting
    assert line.told == ""


def test_a_client_that_never_closes_is_closed(
    limiter: ConcurrencyLimiter, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [Line(limiter, HERE) for _ in range(3)]
    refused = lines[-1]
    ended: list[Any] = []
    monkeypatch.setattr(refused.transport, "abortConnection", lambda: ended.append(1))
    refused.channel.dataReceived(b"GET / HTTP/1.1\r\n")  # discarded: no request is made
    assert refused.transport.half_closed
    refused.clock.advance(CLOSES_WITHIN)
    assert ended == [1]


def test_one_address_has_a_fifth_and_all_fit_into_the_usual_limit_of_open_files() -> None:
    assert MOST_OF_ADDRESS * 5 <= MOST_CONNECTIONS
    assert MOST_CONNECTIONS + 2 * 200 < 1_024
    assert f"{connections.ARRIVES_WITHIN:.0f} s" in connections.TOO_SLOW
