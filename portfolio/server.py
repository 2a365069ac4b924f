"""The web server: daphne on 127.0.0.1 or PORTFOLIO_INTERFACE, with limits and back-pressure.

python -m portfolio.server
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any, Final

from autobahn.exception import Disconnected
from daphne.ws_protocol import WebSocketProtocol

from cluster.storefront.concurrency_limiter import ConcurrencyLimiter
from config import static_build
from portfolio.asgi import application
from portfolio.edge.connections import MOST_CONNECTIONS, MOST_OF_ADDRESS, BoundedChannel
from portfolio.edge.public_server import PublicServer

HTTP_TIMEOUT: Final = 60  # seconds for one request
# bytes, in both directions: browsers have nothing to send, and a page of events stays
# below it, since cluster/storefront/events.py cuts the texts of its messages.
LARGEST_FRAME: Final = 512 * 1024
PING_EVERY: Final = 15  # seconds
PING_TIMEOUT: Final = 30  # seconds
# A browser that reads nothing for so long has gone, or only pretends to read.
SLOWEST_BROWSER: Final = 60.0  # seconds


class SendGate:
    """A push producer of Twisted that is closed while the socket's send buffer is full."""

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
    """A WebSocket whose gate is closed while its reader has fallen behind."""

    gate: SendGate | None = None

    def onOpen(self) -> None:  # noqa: N802  # autobahn's name
        super().onOpen()
        self.gate = SendGate()
        self.transport.unregisterProducer()
        self.transport.registerProducer(self.gate, streaming=True)


class WebServer(PublicServer):
    """Daphne whose `send` waits for the browser.

    Daphne itself returns at once and lets the buffer of a slow browser grow without bound.
    """

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        try:
            await super().handle_reply(protocol, message)
        except Disconnected:
            return  # the browser has just left, and `websocket.disconnect` follows
        gate = getattr(protocol, "gate", None)
        if message["type"] != "websocket.send" or gate is None:
            return
        try:
            async with asyncio.timeout(SLOWEST_BROWSER):
                await gate.open.wait()
        except TimeoutError:
            protocol.dropConnection(abort=True)


def _bound(server: WebServer) -> None:
    """Set up daphne's two factories. Daphne calls this before it accepts a connection."""
    connections = ConcurrencyLimiter(MOST_CONNECTIONS, MOST_OF_ADDRESS)
    server.http_factory.protocol = partial(BoundedChannel, connections, server.draining)
    server.ws_factory.protocol = GatedProtocol
    # Close with 1009 "too big" when a browser sends too much, instead of dropping the connection.
    # The consumer checks the origin, so all are let in here: autobahn resets allowNullOrigin at
    # each call, and daphne's setting must be repeated.
    server.ws_factory.setProtocolOptions(failByDrop=False, allowNullOrigin=True)


def main() -> None:
    """Serve until a signal stops the process."""
    static_build.ensure()
    server = WebServer(
        application=application,
        http_timeout=HTTP_TIMEOUT,
        ping_interval=PING_EVERY,
        ping_timeout=PING_TIMEOUT,
        websocket_max_message_size=LARGEST_FRAME,
        websocket_max_frame_size=LARGEST_FRAME,
        server_name="",
    )
    server.ready_callable = partial(_bound, server)
    server.run()


if __name__ == "__main__":
    main()
