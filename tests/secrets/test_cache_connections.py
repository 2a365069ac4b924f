"""A connection to the cache moves when the address of the cache changes."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from cluster.secrets.cache_connections import LOOK_EVERY, RoutedAsyncConnection, RoutedConnection
from tests.conditions import eventually


class Answering:
    """A server that answers every command, and counts them."""

    def __init__(self) -> None:
        self.asked = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self._socket.getsockname()[1]}/0"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        while data := connection.recv(4096):
            if b"PING" in data:
                self.asked += 1
            connection.sendall(b"+PONG\r\n" if b"PING" in data else b"+OK\r\n" * data.count(b"*"))

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def servers() -> Iterator[tuple[Answering, Answering]]:
    both = Answering(), Answering()
    yield both
    for server in both:
        server.close()


OPTIONS: dict[str, Any] = {
    "retry": Retry(NoBackoff(), 0),
    "protocol": 2,
    "driver_info": None,
    "socket_timeout": 2.0,
}


def test_an_open_connection_moves_with_its_address(
    servers: tuple[Answering, Answering], monkeypatch: pytest.MonkeyPatch
) -> None:
    before, after = servers
    monkeypatch.setenv("REDIS_URL", before.url)
    client = redis.Redis.from_url(before.url, connection_class=RoutedConnection, **OPTIONS)
    assert client.ping()
    assert (before.asked, after.asked) == (1, 0)

    monkeypatch.setenv("REDIS_URL", after.url)

    eventually(lambda: client.ping() and after.asked, every=LOOK_EVERY)


async def test_so_does_one_of_an_event_loop(
    servers: tuple[Answering, Answering], monkeypatch: pytest.MonkeyPatch
) -> None:
    before, after = servers
    monkeypatch.setenv("REDIS_URL", before.url)
    client = redis.asyncio.Redis.from_url(
        before.url,
        connection_class=RoutedAsyncConnection,
        **{**OPTIONS, "retry": AsyncRetry(NoBackoff(), 0)},
    )
    assert await client.ping()

    monkeypatch.setenv("REDIS_URL", after.url)

    while not after.asked:
        assert await client.ping()
    await client.aclose()
