"""A seat at each WebSocket: so many in a process, a share of them for one address."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import pytest
from asgiref.testing import ApplicationCommunicator

from cluster.health.observer.consumer import ObservationsConsumer
from cluster.storefront.concurrency_limiter import ConcurrencyLimiter
from cluster.storefront.stream.consumer import StreamConsumer
from cluster.storefront.stream.listening import ListeningConsumer, state_frame

Connect = Callable[[str], ApplicationCommunicator]


@pytest.fixture(params=[StreamConsumer, ObservationsConsumer])
def connect(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Connect:
    """A function that opens a WebSocket from an address, of which two seats are there for three."""
    consumer: type[ListeningConsumer] = request.param

    async def push(self: ListeningConsumer) -> None:
        await self.send(text_data=state_frame("live"))
        await asyncio.Event().wait()

    monkeypatch.setattr(consumer, "seats", ConcurrencyLimiter(3, share=2))
    monkeypatch.setattr(consumer, "push", push)

    def open_from(address: str) -> ApplicationCommunicator:
        scope = {
            "type": "websocket",
            "path": "/",
            "query_string": b"",
            "headers": [(b"host", b"localhost")],
            "client": [address, 4711],
        }
        return ApplicationCommunicator(consumer.as_asgi(), scope)

    return open_from


async def opened(socket: ApplicationCommunicator) -> tuple[str, int | None]:
    """Return the state that the server sends first, and the code if it closes then."""
    await socket.send_input({"type": "websocket.connect"})
    assert (await socket.receive_output())["type"] == "websocket.accept"
    state = json.loads((await socket.receive_output())["text"])["state"]
    if not state.startswith("closed: "):
        return state, None
    return state, (await socket.receive_output())["code"]


async def leave(socket: ApplicationCommunicator) -> None:
    await socket.send_input({"type": "websocket.disconnect", "code": 1001})
    await socket.wait()


async def test_an_ipv6_network_shares_its_seats(connect: Connect) -> None:
    sockets = [connect(f"2001:db8:1:2::{number}") for number in (1, 2, 3)]
    assert [(await opened(socket))[1] for socket in sockets] == [None, None, 4013]
    for socket in sockets:
        await leave(socket)


async def test_who_leaves_makes_room_and_who_was_refused_does_not(connect: Connect) -> None:
    first, second, refused = (connect("203.0.113.7") for _ in range(3))
    for socket in (first, second, refused):
        await opened(socket)
    await leave(refused)
    again = connect("203.0.113.7")
    assert (await opened(again))[1] == 4013
    await leave(first)
    later = connect("203.0.113.7")
    assert await opened(later) == ("live", None)
    for socket in (second, again, later):
        await leave(socket)


async def test_this_machine_has_every_seat_and_no_more(connect: Connect) -> None:
    sockets = [connect("127.0.0.1") for _ in range(4)]
    assert [await opened(socket) for socket in sockets] == [
        *[("live", None)] * 3,
        ("closed: 3 others are watching; no seat", 4013),
    ]
    for socket in sockets:
        await leave(socket)


def test_each_socket_has_seats_of_its_own() -> None:
    assert StreamConsumer.seats is not ObservationsConsumer.seats
    for seats in (StreamConsumer.seats, ObservationsConsumer.seats):
        assert 4 * seats.share < seats.most
