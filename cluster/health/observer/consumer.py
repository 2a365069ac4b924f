"""The observer's snapshots for browsers: the WebSocket `/observations/`.

Frames are JSON texts:

    {"kind": "snapshot", "snapshot": {…}}   about once a second, and at once on a change
    {"kind": "state", "state": "live"}      in words, for people

Nothing is expected from the browser. A slow one gets the latest snapshot next, and
misses those in between: nothing is queued for any browser.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from cluster.health.observer.client import Follower, Received, follower
from cluster.storefront.concurrency_limiter import ConcurrencyLimiter
from cluster.storefront.stream.listening import (
    MOST_BROWSERS,
    MOST_OF_ADDRESS,
    ListeningConsumer,
    state_frame,
)

# Many changes at once reach a browser as at most one snapshot in this time.
CALMLY: Final = 0.2  # seconds
LOOK_ANYWAY: Final = 1.0  # seconds; the end of the feed must be shown too

LIVE: Final = "live"
AWAY: Final = "the observer is away; nothing is measured"


class ObservationsConsumer(ListeningConsumer):
    """One browser's connection."""

    seats = ConcurrencyLimiter(MOST_BROWSERS, MOST_OF_ADDRESS)
    title = "this socket"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._said = ""

    async def push(self) -> None:
        await self._show(follower())

    async def _show(self, source: Follower) -> None:
        async with _changes(source) as changed:
            shown: Received | None = None
            while True:
                changed.clear()
                received = source.received()
                if received is None:
                    await self._say(AWAY)
                elif received is not shown:
                    await self._say(LIVE)
                    # The server holds this back while the browser does not take what was sent.
                    await self.send(text_data=snapshot_frame(received.encoded))
                    shown = received
                await asyncio.sleep(CALMLY)
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_ANYWAY):
                        await changed.wait()

    async def _say(self, state: str) -> None:
        if state != self._said:
            self._said = state
            await self.send(text_data=state_frame(state))


@asynccontextmanager
async def _changes(source: Follower) -> AsyncIterator[asyncio.Event]:
    """Yield an event of this loop that is set with each snapshot that comes."""
    changed = asyncio.Event()
    loop = asyncio.get_running_loop()

    def tell() -> None:
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(changed.set)

    # In a thread: the first call of a process waits for the observer's first snapshot.
    cease: Callable[[], None] = await asyncio.to_thread(source.on_change, tell)
    try:
        yield changed
    finally:
        cease()


def snapshot_frame(encoded: bytes) -> str:
    """Return the frame of a snapshot that is encoded already."""
    return (b'{"kind":"snapshot","snapshot":' + encoded + b"}").decode()
