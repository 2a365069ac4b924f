"""The fault proxy of one link, which breaks the connections that a detour leads through it.

It always listens, and serves clients only while a detour leads here. A client that comes
at another time has an old address; its connection is reset, and it reads the address
again. When the detour ends, its connections are reset, and their clients connect
directly.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from config.fault_routes import Detour

logger = logging.getLogger(__name__)

LOOK_EVERY: Final = 0.05  # seconds between two checks for the end of a detour
CHUNK: Final = 64 * 1024  # bytes
IN_FLIGHT: Final = 64  # chunks in flight in one direction of a slow link

# SO_LINGER with zero seconds: close with a reset, as a router that has lost the connection.
RESET: Final = struct.pack("ii", 1, 0)


class LinkProxy:
    """Serves one link. `detour` returns the fault in force, `server` the real address."""

    def __init__(
        self,
        link: str,
        *,
        server: Callable[[], tuple[str, int]],
        detour: Callable[[], Detour | None],
    ) -> None:
        self.link = link
        self._server = server
        self._detour = detour
        self._open: dict[asyncio.StreamWriter, str] = {}

    async def serve(self, host: str, port: int) -> None:
        """Listen until cancelled, and then reset every connection."""
        listening = await asyncio.start_server(self._meet, host, port)
        try:
            while True:
                await asyncio.sleep(LOOK_EVERY)
                self._end_what_is_over()
        finally:
            listening.close()
            for writer in list(self._open):
                _reset(writer)

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        detour = self._detour()
        if detour is None or detour.mode == "cut":
            _reset(writer)
            return
        self._open[writer] = detour.id
        try:
            if detour.mode == "blackhole":
                # Accepted, never read or answered: the client's data fills the kernel's buffers.
                await writer.wait_closed()
            else:
                await self._forward(reader, writer, detour)
        except OSError as error:
            logger.info("%s: %s", self.link, error)
        finally:
            self._open.pop(writer, None)
            _reset(writer)

    async def _forward(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, detour: Detour
    ) -> None:
        host, port = self._server()
        from_server, to_server = await asyncio.open_connection(host, port)
        self._open[to_server] = detour.id
        try:
            await asyncio.gather(
                _carry(reader, to_server, detour), _carry(from_server, writer, detour)
            )
        finally:
            self._open.pop(to_server, None)
            to_server.close()
        with suppress(OSError):
            writer.close()
            await writer.wait_closed()

    def _end_what_is_over(self) -> None:
        if not self._open:
            return
        detour = self._detour()
        for writer, identifier in list(self._open.items()):
            if detour is None or detour.id != identifier:
                del self._open[writer]
                _reset(writer)


async def _carry(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, detour: Detour
) -> None:
    """Copy one direction, each piece late by the detour's delay, until its sender closes."""
    on_the_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(IN_FLIGHT)
    taking = asyncio.create_task(_take(reader, on_the_way, detour))
    loop = asyncio.get_running_loop()
    try:
        while True:
            due, piece = await on_the_way.get()
            await asyncio.sleep(due - loop.time())
            if not piece:
                writer.write_eof()  # the other direction may still have data
                return
            writer.write(piece)
            await writer.drain()
    finally:
        taking.cancel()


async def _take(
    reader: asyncio.StreamReader, on_the_way: asyncio.Queue[tuple[float, bytes]], detour: Detour
) -> None:
    """Read pieces and queue each with the moment when it is due, an empty one at the end."""
    loop = asyncio.get_running_loop()
    free_at = loop.time()  # when a link of this width can take the next piece
    while True:
        try:
            piece = await reader.read(CHUNK)
        except OSError:
            piece = b""
        free_at = max(free_at, loop.time())
        if detour.bytes_per_second:
            free_at += len(piece) / detour.bytes_per_second
        await on_the_way.put((free_at + detour.milliseconds / 1000, piece))
        if not piece:
            return


def _reset(writer: asyncio.StreamWriter) -> None:
    connected = writer.get_extra_info("socket")
    if connected is not None:
        with suppress(OSError):  # it has closed meanwhile
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()
