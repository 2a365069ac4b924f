"""A WebSocket on which only the server speaks: its seat, its task, and how it is refused.

A refusal is a sentence for people in a state frame, `{"kind": "state", "state": "closed: …"}`, and
then a close code for programs.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, ClassVar, Final

import msgspec
from channels.generic.websocket import AsyncWebsocketConsumer

from cluster.storefront.client_address import socket_network
from cluster.storefront.concurrency_limiter import ConcurrencyLimiter, NoneFree, ShareUsed

logger = logging.getLogger(__name__)

MOST_BROWSERS: Final = 200  # for each socket of each web process
# Of one address: a class or an office that follows together, and a fifth of the seats.
MOST_OF_ADDRESS: Final = 40

# Close codes for private use (RFC 6455, section 7.4.2), after 1008, 1011 and 1013, which daphne's
# library does not let an application send.
POLICY_VIOLATION: Final = 4008
INTERNAL_ERROR: Final = 4011
TRY_AGAIN_LATER: Final = 4013


class ListeningConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # channels has no types
    """One browser's connection. A subclass has `seats` of its own and sends frames in `push`."""

    seats: ClassVar[ConcurrencyLimiter]
    title: ClassVar[str]  # of the socket, in sentences

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._task: asyncio.Task[None] | None = None
        self._network = ""

    async def push(self) -> None:
        """Send frames until cancelled."""
        raise NotImplementedError

    async def connect(self) -> None:
        await self.accept()
        self._network = socket_network(self.scope)
        try:
            self.seats.acquire(self._network)
        except ShareUsed:
            await self.refuse(
                f"{self.seats.share} from your address are watching; no seat", TRY_AGAIN_LATER
            )
        except NoneFree:
            await self.refuse(f"{self.seats.most} others are watching; no seat", TRY_AGAIN_LATER)
        else:
            self._task = asyncio.create_task(self._run())

    async def disconnect(self, _code: int) -> None:
        if self._task is not None:
            self.seats.release(self._network)
            self._task.cancel()
            self._task = None

    async def receive(self, **_frame: Any) -> None:
        await self.refuse(f"{self.title} takes no messages", POLICY_VIOLATION)

    async def refuse(self, reason: str, code: int) -> None:
        """Close the connection with a sentence for people and a code."""
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()
        await self.send(text_data=state_frame(f"closed: {reason}"))
        await self.close(code)

    async def _run(self) -> None:
        try:
            await self.push()
        except Exception:
            logger.exception("%s failed", self.title)
            await self.refuse(f"{self.title} failed", INTERNAL_ERROR)


def state_frame(state: str, **details: int) -> str:
    """Return the frame of a state in words, for people."""
    return msgspec.json.encode({"kind": "state", "state": state, **details}).decode()
