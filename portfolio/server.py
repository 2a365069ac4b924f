"""The web server: daphne on 127.0.0.1, with limits, back-pressure and no banner.

python -m portfolio.server
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any, Final

from autobahn.exception import Disconnected
from daphne.server import Server  # it installs Twisted's asyncio reactor
from daphne.ws_protocol import WebSocketProtocol

from config import environment, static_build
from portfolio.asgi import application

HTTP_TIMEOUT: Final = 60  # seconds for one request
# bytes, in both directions: browsers have nothing to send, and a page of events
# stays below it whatever the messages hold (cluster/storefront/events.py cuts their texts).
LARGEST_FRAME: Final = 512 * 1024
PING_EVERY: Final = 15  # seconds
PING_TIMEOUT: Final = 30  # seconds
# A browser that takes nothing for so long is gone, or pretends to be there.
SLOWEST_BROWSER: Final = 60.0  # seconds


class SendGate:
    """Twisted's push producer: closed while the socket's send buffer is full."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.open.set()

    def pauseProducing(self) -> None:  # noqa: N802  # Twisted's name
        self.open.clear()

    def resumeProducing(self) -> None:  # noqa: N802
        self.open.set()

    def stopProducing(self) -> None:  # noqa: N802
        self.open.set()


class GatedProtocol(WebSocketProtocol):  # type: ignore[misc]  # daphne has no types
    """A WebSocket that knows when its reader has fallen behind."""

    gate: SendGate | None = None

    def onOpen(self) -> None:  # noqa: N802  # autobahn's name
        super().onOpen()
        self.gate = SendGate()
        self.transport.unregisterProducer()
        self.transport.registerProducer(self.gate, streaming=True)


class WebServer(Server):  # type: ignore[misc]  # daphne has no types
    """Daphne whose `send` waits for the browser.

    Daphne itself returns at once and lets the buffer of a slow browser grow without bound.
    """

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        try:
            await super().handle_reply(protocol, message)
        except Disconnected:
            return  # the browser left in this moment; `websocket.disconnect` is on its way
        gate = getattr(protocol, "gate", None)
        if message["type"] != "websocket.send" or gate is None:
            return
        try:
            async with asyncio.timeout(SLOWEST_BROWSER):
                await gate.open.wait()
        except TimeoutError:
            protocol.dropConnection(abort=True)


def _gate(server: WebServer) -> None:
    """Called when daphne has made its factory and has not yet accepted a connection."""
    server.ws_factory.protocol = GatedProtocol
    # Say 1009 "too big" to a browser that sends too much, instead of hanging up. The origin
    # is for the consumer to judge; autobahn forgets daphne's wish at each call.
    server.ws_factory.setProtocolOptions(failByDrop=False, allowNullOrigin=True)


def main() -> None:
    """Serve until told to stop."""
    static_build.ensure()
    server = WebServer(
        application=application,
        endpoints=[f"tcp:port={environment.web_port()}:interface={environment.web_interface()}"],
        http_timeout=HTTP_TIMEOUT,
        ping_interval=PING_EVERY,
        ping_timeout=PING_TIMEOUT,
        websocket_max_message_size=LARGEST_FRAME,
        websocket_max_frame_size=LARGEST_FRAME,
        server_name="",
    )
    server.ready_callable = partial(_gate, server)
    server.run()


if __name__ == "__main__":
    main()
