"""The event stream: `/stream/?after=SEQ`, every journal entry once, in order, without a gap.

Frames to the browser are JSON texts:

    {"kind": "state", "state": "replaying from 8841"}     in words, for people
    {"kind": "state", "state": "…", "after": 900}         the next event follows 900
    {"kind": "events", "events": [{"seq": 8842, …}, …]}   a page, in order

Without `after` it begins with the last entries. The browser sends nothing. A state is repeated
after some seconds without a frame, so that silence means a broken connection.
"""

from __future__ import annotations

import asyncio
import re
import time
from contextlib import suppress
from typing import Any, Final
from urllib.parse import parse_qs

from cluster.storefront.concurrency_limiter import ConcurrencyLimiter
from cluster.storefront.journal.reader import Bounds, JournalUnavailable
from cluster.storefront.stream.listening import (
    MOST_BROWSERS,
    MOST_OF_ADDRESS,
    POLICY_VIOLATION,
    ListeningConsumer,
    state_frame,
)
from cluster.storefront.stream.tail import Condition, Entry, JournalTail, journal_tail

BEGIN_WITH: Final = 50  # entries, for a browser that has seen none
LARGEST_SEQ: Final = 2**63 - 1  # PostgreSQL's bigint
_WHOLE_NUMBER: Final = re.compile(r"[0-9]{1,19}")
RETRY_AFTER: Final = 0.5  # seconds
# A browser closes a silent connection after 8 s (reconnection.js), and a frame may come as late as
# two of these after the last.
SPEAK_ANYWAY: Final = 3.0  # seconds


class StreamConsumer(ListeningConsumer):
    """One browser's connection."""

    seats = ConcurrencyLimiter(MOST_BROWSERS, MOST_OF_ADDRESS)
    title = "this stream"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._said = ""
        self._sent_at = 0.0  # the last frame, monotonic seconds

    async def push(self) -> None:
        try:
            after = requested_after(self.scope["query_string"])
        except ValueError as error:
            await self.refuse(str(error), POLICY_VIOLATION)
            return
        await self._stream(journal_tail(), after)

    async def _stream(self, tail: JournalTail, after: int | None) -> None:
        seen = await self._begin(tail, after)
        while True:
            change = tail.next_change()
            try:
                entries = await tail.page(seen)
            except JournalUnavailable:
                await self._say(Condition.WAITING)
                await asyncio.sleep(RETRY_AFTER)
                continue
            if entries:
                # The server delays this while the browser does not read the frames sent before.
                await self._send(events_frame(entries))
                seen = entries[-1].seq
            else:
                await self._say(tail.condition)
                await tail.note_audience()
                with suppress(TimeoutError):
                    async with asyncio.timeout(SPEAK_ANYWAY):
                        await change.wait()

    async def _begin(self, tail: JournalTail, after: int | None) -> int:
        """Return the seq that the first event follows.

        A state frame names it where it is not the one that was asked for.
        """
        bounds = await self._bounds(tail)
        if after is None:
            seen = max(bounds.first - 1, bounds.last - BEGIN_WITH)
            await self._say("replaying the latest", after=seen)
            return seen
        if after > bounds.last:
            await self._say(f"the journal ends at {bounds.last}", after=bounds.last)
            return bounds.last
        if after < bounds.first - 1:
            await self._say(f"forgotten up to {bounds.first - 1}", after=bounds.first - 1)
            return bounds.first - 1
        if after < bounds.last:
            await self._say(f"replaying from {after}")
        return after

    async def _bounds(self, tail: JournalTail) -> Bounds:
        while True:
            try:
                return await tail.bounds()
            except JournalUnavailable:
                await self._say(Condition.WAITING)
                await asyncio.sleep(RETRY_AFTER)

    async def _say(self, state: str, **details: int) -> None:
        """Send a state that is new, or repeat it after SPEAK_ANYWAY seconds without a frame."""
        if state != self._said or time.monotonic() - self._sent_at >= SPEAK_ANYWAY:
            self._said = state
            await self._send(state_frame(state, **details))

    async def _send(self, frame: str) -> None:
        await self.send(text_data=frame)
        self._sent_at = time.monotonic()


def requested_after(query_string: bytes) -> int | None:
    """Return the `after` of a query, or None without one.

    Raises ValueError unless it is a whole number of 0 or more.
    """
    values = parse_qs(query_string.decode("latin-1"), keep_blank_values=True).get("after")
    if values is None:
        return None
    text = values[-1]
    if not (_WHOLE_NUMBER.fullmatch(text) and int(text) <= LARGEST_SEQ):
        raise ValueError("after must be the seq of an event: a whole number, 0 or more")
    return int(text)


def events_frame(entries: list[Entry]) -> str:
    """Return the frame of a page of events, each of which is encoded already."""
    return (b'{"kind":"events","events":[' + b",".join(e.encoded for e in entries) + b"]}").decode()
