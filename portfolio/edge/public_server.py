"""A web server that takes over from the one before, and makes way for the next.

It listens where the public asks, or first at a port of its own, where it is tried. SIGUSR1 then
lets it serve the public, with the socket of the server before. SIGTERM lets it finish what it has
begun and end. See docs/adr/0047-upgrade.md.
"""

from __future__ import annotations

import logging
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from daphne.server import Server  # it installs Twisted's asyncio reactor
from twisted.internet import reactor as twisted_reactor
from twisted.internet.endpoints import serverFromString

from compose import leftovers, listening, outside
from compose.run_directory import RunDirectory, socket_path
from config import environment
from portfolio.edge.draining import Draining

BACKLOG: Final = 128  # connections that wait while a server is being replaced
reactor: Any = twisted_reactor
log = logging.getLogger(__name__)


class PublicServer(Server):  # type: ignore[misc]  # daphne has no types
    """Daphne that takes a listening socket over, and that drops no request when it ends."""

    def __init__(self, **options: Any) -> None:
        trial = environment.web_trial_port()
        self._on_trial = trial is not None
        endpoint = f"tcp:port={trial}:interface=127.0.0.1" if trial else _public_endpoint()
        super().__init__(endpoints=[endpoint], **options)
        self.draining = Draining()
        self._ports: list[Any] = []

    def run(self) -> None:
        _on_signal(signal.SIGTERM, self.drain)
        if self._on_trial:
            _on_signal(signal.SIGUSR1, self.serve_the_public)
        super().run()

    def listen_success(self, port: Any) -> None:
        super().listen_success(port)
        self._ports.append(port)
        door = _door()
        if door is not None and not self._on_trial:
            listening.give(door, port.fileno())

    def serve_the_public(self) -> None:
        """Listen where the public asks, instead of where this server was tried."""
        self._on_trial = False
        for port in self._ports:
            port.stopListening()
        self._ports.clear()
        try:
            endpoint = _public_endpoint()
        except OSError:
            log.exception("the public port cannot be listened at")
            self.stop()
            return
        listener = serverFromString(reactor, endpoint).listen(self.http_factory)
        listener.addCallbacks(self.listen_success, self.listen_error)

    def drain(self) -> None:
        """Answer what has been asked, take nothing new, and stop."""
        self.draining.begin(self, self._ports, reactor.callLater)


def _door() -> Path | None:
    """Return where web servers under one supervisor give their listening socket on."""
    supervised = outside.named(leftovers.MARK)
    return socket_path(RunDirectory(Path(supervised)), "web") if supervised else None


def _public_endpoint() -> str:
    """Return where the public asks, in Twisted's words: the last server's socket if it has one.

    Raises OSError when there is none, and the port is taken.
    """
    door = _door()
    taken = None if door is None else listening.take(door)
    if taken is not None:
        return f"fd:fileno={taken[1]}"
    # By descriptor too: a socket that Twisted has made it shuts down at the end, for the server
    # that has a copy as well.
    address = (environment.web_interface(), environment.web_port())
    return f"fd:fileno={socket.create_server(address, backlog=BACKLOG).detach()}"


def _on_signal(number: signal.Signals, act: Callable[[], None]) -> None:
    """Act in the reactor, once it runs: it has set its own handlers by then."""

    def handle(*_: object) -> None:
        reactor.callFromThread(act)

    reactor.callWhenRunning(signal.signal, number, handle)
