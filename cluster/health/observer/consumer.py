"""The observer's snapshots for browsers: the WebSocket `/observations/`.

Frames are JSON texts:

    {"kind": "snapshot", "snapshot": {…}}   about once a second, and at once on a change
    {"kind": "state", "state": "live"}      in words, for people

Nothing is expected from the browser. A slow one gets the latest snapshot next, and
misses those in between: nothing is queued for any browser.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import msgspec
from channels.generic.websocket import AsyncWebsocketConsumer

from cluster.health.observer.client import Follower, Received, follower
from cluster.storefront.stream.consumer import INTERNAL_ERROR, POLICY_VIOLATION, TRY_AGAIN_LATER
from cluster.storefront.stream.origin import is_ours

logger = logging.getLogger(__name__)

MOST_BROWSERS: Final = 200  # for each web process
# Many changes at once reach a browser as at most one snapshot in this time.
CALMLY: Final = 0.2  # seconds
LOOK_ANYWAY: Final = 1.0  # seconds; the end of the feed must be shown too

LIVE: Final = "live"
AWAY: Final = "the observer is away; nothing is measured"


class ObservationsConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # channels has no types
    """One browser's connection."""

    watching = 0  # of this process

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._task: asyncio.Task[None] | None = None
        self._said = ""

    async def connect(self) -> None:
        if not is_ours(self.scope["headers"]):
            await self.close()  # before accept: the handshake is answered with 403
            return
        await self.accept()
        if ObservationsConsumer.watching >= MOST_BROWSERS:
            await self._refuse(f"{MOST_BROWSERS} others are watching; no seat", TRY_AGAIN_LATER)
            return
        ObservationsConsumer.watching += 1
        self._task = asyncio.create_task(self._run())

    async def disconnect(self, _code: int) -> None:
        if self._task is not None:
            ObservationsConsumer.watching -= 1
            self._task.cancel()
            self._task = None

    async def receive(self, **_frame: Any) -> None:
        await self._refuse("this socket takes no messages", POLICY_VIOLATION)

    async def _run(self) -> None:
        try:
            await self._show(follower())
        except Exception:
            logger.exception("showing observations failed")
            await self._refuse("showing observations failed", INTERNAL_ERROR)

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

    async def _refuse(self, reason: str, code: int) -> None:
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()
        await self.send(text_data=state_frame(f"closed: {reason}"))
        await self.close(code)


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


def state_frame(state: str) -> str:
    return msgspec.json.encode({"kind": "state", "state": state}).decode()
