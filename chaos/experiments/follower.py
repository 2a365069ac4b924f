"""A client of the public stream that resumes as a browser does, and counts events.

It follows `/stream/` through every death of the web server and proves that each seq came
exactly once, in order.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import Any, Final

import aiohttp
import msgspec

from chaos.experiments.incident import Followed
from config.environment import web_port
from config.waiting import wait_until

RETRY_AFTER: Final = 0.25  # seconds
# Detects a server that accepts connections and is silent: the server sends no pings itself.
HEARTBEAT: Final = 4.0  # seconds
CONNECT_WITHIN: Final = 5.0  # seconds
LOOK_EVERY: Final = 0.05  # seconds


class StreamFollower:
    """Follows from the seq after `after` in a thread of its own, from `begin` to `end`."""

    def __init__(self, *, after: int, address: str | None = None) -> None:
        self.address = address or f"http://127.0.0.1:{web_port()}/stream/"
        self.after = after
        self.last = after
        self.events = 0
        self.repeated = 0
        self.missing = 0
        self.connections = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="stream-follower", daemon=True)

    def begin(self) -> None:
        self._thread.start()

    def end(self, *, reach: int, within: float) -> Followed:
        """Wait up to `within` seconds for the event `reach`, end, and return the figures.

        Events that have not come by then count as missing.
        """
        wait_until(lambda: self.last >= reach, within=within, every=LOOK_EVERY)
        self._ended.set()
        self._thread.join()
        missing = self.missing + max(0, reach - self.last)
        return Followed(
            first_seq=self.after + 1,
            last_seq=self.last,
            events=self.events,
            repeated=self.repeated,
            missing=missing,
            reconnects=max(0, self.connections - 1),
            whole=not (missing or self.repeated),
        )

    def take(self, frame: dict[str, Any]) -> None:
        """Count one frame of the stream (see `cluster/storefront/stream/consumer.py`)."""
        if frame.get("kind") == "state" and "after" in frame:
            # The server reports that it continues after a later event than requested.
            self.missing += max(0, int(frame["after"]) - self.last)
            self.last = max(self.last, int(frame["after"]))
        for event in frame.get("events", ()):
            seq = int(event["seq"])
            self.events += 1
            if seq <= self.last:
                self.repeated += 1
                continue
            self.missing += seq - self.last - 1
            self.last = seq

    def _run(self) -> None:
        asyncio.run(self._follow())

    async def _follow(self) -> None:
        # aiohttp's default timeouts are longer than an experiment.
        timeout = aiohttp.ClientTimeout(total=None, connect=CONNECT_WITHIN)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while not self._ended.is_set():
                with suppress(aiohttp.ClientError, OSError, TimeoutError, msgspec.DecodeError):
                    await self._read(session)
                await asyncio.sleep(RETRY_AFTER)

    async def _read(self, session: aiohttp.ClientSession) -> None:
        async with session.ws_connect(
            self.address, params={"after": str(self.last)}, heartbeat=HEARTBEAT
        ) as socket:
            self.connections += 1
            while not self._ended.is_set():
                try:
                    message = await socket.receive(timeout=1.0)
                except TimeoutError:
                    continue
                if message.type is not aiohttp.WSMsgType.TEXT:
                    return
                self.take(msgspec.json.decode(message.data))
