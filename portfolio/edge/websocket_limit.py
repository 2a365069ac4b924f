"""The limit of how often one address opens a WebSocket, beside its share of the seats.

A seat that is free again may be taken at once, and each opening reads the journal. Whoever opens
too often is refused like one without a seat: by a sentence, and a close code for programs.
"""

from __future__ import annotations

import asyncio
from typing import Final

from cluster.kit.visitors import network_key
from cluster.storefront.client_address import socket_network
from cluster.storefront.stream.listening import (
    MOST_OF_ADDRESS,
    TRY_AGAIN_LATER,
    is_ours,
    state_frame,
)
from config.static_files import Application, Receive, Scope, Send
from portfolio.edge.rate_limit import FixedWindowLimiter

PERIOD: Final = 60  # seconds
# A browser has two sockets: in each seat of an address, a new page every ten seconds.
MOST_OPENED: Final = 12 * MOST_OF_ADDRESS

_of_addresses: Final = FixedWindowLimiter("websockets", MOST_OPENED, PERIOD)


class LimitedWebSockets:
    """The ASGI application around the WebSockets, which are passed to `application`."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        network = socket_network(scope)
        # What another site's page opens is refused by the application, before it is accepted.
        if network and is_ours(scope["headers"]):
            wait = await asyncio.to_thread(lambda: _of_addresses.take(network_key(network)))
            if wait:
                await _refuse(receive, send, wait)
                return
        await self._application(scope, receive, send)


async def _refuse(receive: Receive, send: Send, wait: int) -> None:
    reason = f"closed: your address opens too many connections; wait {wait} s"
    await receive()  # websocket.connect
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": state_frame(reason)})
    await send({"type": "websocket.close", "code": TRY_AGAIN_LATER})
