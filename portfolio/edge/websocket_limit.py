"""The door of the WebSockets: whose handshake is let in, and how often one address may open one.

A seat that is free again may be taken at once, and each opening reads the journal. Whoever opens
too often is refused like one without a seat: by a sentence, and a close code for programs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import split_domain_port, validate_host

from cluster.kit.visitors import network_key
from cluster.storefront.client_address import socket_network
from cluster.storefront.stream.listening import MOST_OF_ADDRESS, TRY_AGAIN_LATER, state_frame
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
        if not is_ours(scope["headers"]):
            await send({"type": "websocket.close"})  # the handshake is answered with 403
            return
        network = socket_network(scope)
        if network:
            wait = await asyncio.to_thread(lambda: _of_addresses.take(network_key(network)))
            if wait:
                await _refuse(receive, send, wait)
                return
        await self._application(scope, receive, send)


def is_ours(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Return whether a handshake comes from a page of this site, or from no browser.

    A browser always sends Origin, which must name exactly the host and port of the request. Without
    one it is a program, which could send any origin anyway. Host must be one of ALLOWED_HOSTS:
    otherwise a name that an attacker points here would pass.
    """
    named = {name: value.decode("latin-1") for name, value in headers}
    host = named.get(b"host", "")
    domain, _port = split_domain_port(host)
    if not domain or not validate_host(domain, settings.ALLOWED_HOSTS):
        return False
    origin = named.get(b"origin")
    if origin is None:
        return True
    parts = urlsplit(origin)
    return parts.scheme in {"http", "https"} and parts.netloc.lower() == host.lower()


async def _refuse(receive: Receive, send: Send, wait: int) -> None:
    reason = f"closed: your address opens too many connections; wait {wait} s"
    await receive()  # websocket.connect
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": state_frame(reason)})
    await send({"type": "websocket.close", "code": TRY_AGAIN_LATER})
