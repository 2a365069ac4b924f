"""The snapshot in a web process's memory is fresh or None, and never an error."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec
import pytest

from cluster.health.observer import client
from cluster.health.observer.client import Follower
from cluster.health.observer.snapshot import Snapshot
from config.environment import MissingSetting
from tests.conditions import eventually

SNAPSHOT = Snapshot(
    at="2026-11-22T12:00:00.000+00:00",
    state="steady",
    words="All 28 processes do their work.",
    troubles=[],
    processes=[],
    services=[],
    links=[],
    outages=[],
)


class FeedServer(ThreadingHTTPServer):
    """An observer that sends the lines that the test sets, and then nothing more."""

    daemon_threads = True
    lines = b"data: " + msgspec.json.encode(SNAPSHOT) + b"\n\n"
    hold = threading.Event()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, FeedServer)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.server.lines)
        self.wfile.flush()
        self.server.hold.wait(10)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def server() -> Iterator[FeedServer]:
    made = FeedServer(("127.0.0.1", 0), Handler)
    made.hold = threading.Event()
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield made
    made.hold.set()
    made.shutdown()
    made.server_close()


def follower_of(server: FeedServer) -> Follower:
    return Follower(lambda: f"http://127.0.0.1:{server.server_address[1]}")


def unset() -> str:
    raise MissingSetting("OBSERVER_URL")


def test_the_first_call_already_has_what_the_observer_says(server: FeedServer) -> None:
    received = follower_of(server).received()
    assert received is not None
    assert received.snapshot == SNAPSHOT


def test_the_very_bytes_are_kept(server: FeedServer) -> None:
    received = follower_of(server).received()
    assert received is not None
    assert received.encoded == msgspec.json.encode(SNAPSHOT)


def test_an_old_snapshot_is_none(server: FeedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    follower = follower_of(server)
    assert follower.received() is not None
    monkeypatch.setattr(client, "FRESH_FOR", -1.0)
    assert follower.received() is None


@pytest.mark.parametrize(
    "address",
    [unset, lambda: "http://127.0.0.1:1", lambda: "nonsense", lambda: "http://nowhere.invalid"],
)
def test_an_observer_that_is_away_is_none_and_holds_nobody_up(address: client.Address) -> None:
    follower = Follower(address)
    began = time.monotonic()
    assert follower.received() is None
    assert time.monotonic() - began < 2.0


@pytest.mark.parametrize("line", [b"data: {broken\n", b"data: {}\n", b"\n", b": ping\n"])
def test_nonsense_is_no_snapshot(server: FeedServer, line: bytes) -> None:
    server.lines = line
    assert follower_of(server).received() is None


def test_it_comes_back_when_the_observer_does(server: FeedServer) -> None:
    server.hold.set()  # every answer ends at once
    server.lines = b""
    follower = follower_of(server)
    assert follower.received() is None
    server.lines = FeedServer.lines
    received = eventually(follower.received)
    assert received is not None
    assert received.snapshot == SNAPSHOT


def test_who_listens_is_told_until_he_ceases(server: FeedServer) -> None:
    server.hold.set()
    follower = follower_of(server)
    heard: list[None] = []
    cease = follower.on_change(lambda: heard.append(None))
    eventually(lambda: len(heard) > 1)
    cease()
    assert follower.received() is not None


def test_a_listener_that_fails_stops_nobody(server: FeedServer) -> None:
    server.hold.set()
    follower = follower_of(server)
    heard: list[None] = []

    def fail() -> None:
        heard.append(None)
        raise ZeroDivisionError

    follower.on_change(fail)
    eventually(lambda: len(heard) > 1)
    assert follower.received() is not None
