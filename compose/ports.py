"""TCP ports on 127.0.0.1: which are free, kept from one start to the next, and which answer."""

from __future__ import annotations

import http.client
import random
import socket
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Final

from compose.errors import PlainError

# Below the kernel's ephemeral range (from 32768), so that no outgoing connection can
# take the port of a server in the moment between its death and its return.
CANDIDATES: Final = range(20000, 32000)
USUAL_WEB_PORT: Final = 8000


def is_free(port: int) -> bool:
    """Return whether a server could listen on the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do after a crash
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def answers(port: int, path: str, *, timeout: float) -> bool:
    """Return whether an HTTP server at the port answers a GET of `path` with 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def choose_ports(
    names: Iterable[str], recorded: Mapping[str, int], *, taken: int
) -> dict[str, int]:
    """Return a port for each name: the recorded one if it is still free, another one if not.

    `taken` is the site's own.
    """
    chosen: dict[str, int] = {}
    for name in names:
        port = recorded.get(name)
        if port is None or port in {taken, *chosen.values()} or not is_free(port):
            port = _any_free(taken={taken, *chosen.values(), *recorded.values()})
        chosen[name] = port
    return chosen


def choose_web_port(asked: int | None, recorded: int | None) -> int:
    """Return the site's port, or raise PlainError when the one that was asked for is taken."""
    if asked is not None:
        if not is_free(asked):
            raise PlainError(
                f"Port {asked} is in use by another program; choose another with `--port`."
            )
        return asked
    for port in (recorded, USUAL_WEB_PORT):
        if port is not None and is_free(port):
            return port
    return _any_free(taken=set())


def _any_free(*, taken: set[int]) -> int:
    # A random start keeps two platforms that start at once from racing for the same ports.
    for port in random.sample(CANDIDATES, len(CANDIDATES)):
        if port not in taken and is_free(port):
            return port
    raise PlainError("No TCP port between 20000 and 32000 is free on 127.0.0.1.")
