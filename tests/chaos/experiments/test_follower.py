"""The client of the stream gets each seq once and in order, however often the server dies."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import web

from chaos.experiments.follower import StreamFollower
from tests.conditions import eventually


def events(*seqs: int) -> dict[str, Any]:
    return {"kind": "events", "events": [{"seq": seq} for seq in seqs]}


def follower(*frames: dict[str, Any]) -> StreamFollower:
    made = StreamFollower(after=10, address="http://127.0.0.1:1/")
    for frame in frames:
        made.take(frame)
    return made


def test_a_stream_without_a_gap_is_whole() -> None:
    seen = follower(events(11, 12), {"kind": "state", "state": "live"}, events(13))
    assert (seen.last, seen.events, seen.repeated, seen.missing) == (13, 3, 0, 0)


def test_an_event_that_comes_again_is_counted_and_changes_nothing_else() -> None:
    seen = follower(events(11, 12), events(12, 13))
    assert (seen.last, seen.repeated, seen.missing) == (13, 1, 0)


def test_a_gap_is_counted_also_when_the_server_announces_it() -> None:
    assert follower(events(11, 14)).missing == 2
    assert follower({"kind": "state", "state": "forgotten up to 15", "after": 15}).missing == 5


class DyingServer:
    """A server of a journal of 200 events that sends 30 on each connection, and then cuts it."""

    def __init__(self) -> None:
        self.connections = 0
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()
        assert self._started.wait(5)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        application = web.Application()
        application.router.add_get("/", self._stream)
        runner = web.AppRunner(application)
        self._loop.run_until_complete(runner.setup())
        site = web.TCPSite(runner, "127.0.0.1", 0)
        self._loop.run_until_complete(site.start())
        self.port = runner.addresses[0][1]
        self._started.set()
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())

    async def _stream(self, request: web.Request) -> web.WebSocketResponse:
        self.connections += 1
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        after = int(request.query["after"])
        await socket.send_json(events(*range(after + 1, min(after + 31, 201))))
        assert request.transport is not None
        if after + 31 < 201:
            request.transport.abort()  # without a close frame, as when its process is killed
        else:
            await socket.receive()
        return socket


@pytest.fixture
def server() -> Iterator[DyingServer]:
    made = DyingServer()
    made.start()
    yield made
    made.stop()


def test_it_resumes_where_a_dying_server_left_it(server: DyingServer) -> None:
    client = StreamFollower(after=0, address=f"http://127.0.0.1:{server.port}/")
    client.begin()
    eventually(lambda: client.last == 200)

    seen = client.end(reach=200, within=1.0)

    assert seen.whole
    assert (seen.first_seq, seen.last_seq, seen.events) == (1, 200, 200)
    assert seen.reconnects == server.connections - 1 > 4


def test_what_has_not_come_in_time_is_missing(server: DyingServer) -> None:
    client = StreamFollower(after=0, address=f"http://127.0.0.1:{server.port}/")
    client.begin()
    eventually(lambda: client.last == 200)
    seen = client.end(reach=205, within=0.1)
    assert (seen.missing, seen.whole) == (5, False)
