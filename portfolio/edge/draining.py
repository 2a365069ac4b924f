"""The end of a web server that is replaced: it finishes what it has begun, and takes nothing new.

The listening socket stays open in the process that replaces it, so that nobody is refused. See
docs/adr/0047-upgrade.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from autobahn.websocket.protocol import WebSocketProtocol

SERVICE_RESTART: Final = 1012  # the code of a WebSocket's end after which a client connects again
LOOK: Final = 0.05  # seconds
# A client that has connected and sent nothing may be about to. Browsers also connect in advance.
FIRST_REQUEST_WITHIN: Final = 1.0  # seconds


class Draining:
    """The open HTTP connections of a server, and whether it is ending."""

    def __init__(self) -> None:
        self.begun = False
        self._channels: set[Any] = set()

    def opened(self, channel: Any) -> None:
        self._channels.add(channel)

    def closed(self, channel: Any) -> None:
        """Forget a connection that is closed, or a WebSocket by now."""
        self._channels.discard(channel)

    def begin(self, server: Any, listeners: Iterable[Any], call_later: Callable[..., Any]) -> None:
        """Close the listeners, the WebSockets and the idle connections, then stop the server.

        It stops when the last request is answered.
        """
        if self.begun:
            return
        self.begun = True
        for listener in listeners:
            listener.stopListening()
        for protocol in _websockets(server):
            protocol.sendCloseFrame(code=SERVICE_RESTART, isReply=False)
        self._close_idle(after_an_answer=True)
        call_later(FIRST_REQUEST_WITHIN, self._close_idle, after_an_answer=False)
        self._stop_when_done(server, call_later)

    def _close_idle(self, *, after_an_answer: bool) -> None:
        for channel in list(self._channels):
            if channel.is_idle and (channel.has_answered or not after_an_answer):
                channel.loseConnection()

    def _stop_when_done(self, server: Any, call_later: Callable[..., Any]) -> None:
        if self._channels or any(_websockets(server)) or _is_working(server):
            call_later(LOOK, self._stop_when_done, server, call_later)
        else:
            server.stop()


def _websockets(server: Any) -> list[Any]:
    return [
        protocol
        for protocol, details in server.connections.items()
        if isinstance(protocol, WebSocketProtocol) and "disconnected" not in details
    ]


def _is_working(server: Any) -> bool:
    """Return whether the application is still busy with a request whose answer may have left."""
    running = (details.get("application_instance") for details in server.connections.values())
    return any(task is not None and not task.done() for task in running)
