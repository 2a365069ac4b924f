"""The end of the journal, read once for all browsers of a web process.

The newest entries are kept in memory, so that a new entry costs one read however many browsers
follow. A browser that is further behind reads pages of its own.
"""

from __future__ import annotations

import asyncio
import enum
import logging
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Final
from weakref import WeakKeyDictionary

import msgspec

from cluster.storefront.events import StreamEvent
from cluster.storefront.journal.reader import PAGE, Bounds, JournalReader, JournalUnavailable
from cluster.storefront.stream.wakes import WakeUps

logger = logging.getLogger(__name__)

KEPT: Final = 2_000  # entries in memory, under a megabyte
LOOK_ANYWAY: Final = 2.0  # seconds: a wake-up may be lost, and an outage must be noticed
LOOK_WITHOUT_REDIS: Final = 1.0  # seconds
RETRY_AFTER: Final = 0.5  # seconds
NOTE_AUDIENCE_EVERY: Final = 10.0  # seconds

_encoder: Final = msgspec.json.Encoder()


class Condition(enum.StrEnum):
    """The states of this process in following the journal, in the words that the page shows."""

    LIVE = "live"
    POLLING = "live, looking once a second because Redis is away"
    WAITING = "waiting for the journal"


@dataclass(frozen=True, slots=True)
class Entry:
    """A journal entry as it goes to a browser."""

    seq: int
    encoded: bytes


class JournalTail:
    """Follows the journal and returns pages of it, one object for each event loop."""

    def __init__(self, reader: JournalReader, wakes: WakeUps) -> None:
        self.condition = Condition.WAITING
        self._reader = reader
        self._wakes = wakes
        self._recent: deque[Entry] = deque(maxlen=KEPT)
        self._reached = -1  # the last seq read; -1 before the first read
        self._changed = asyncio.Event()
        self._audience_noted_at = -NOTE_AUDIENCE_EVERY  # monotonic seconds
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to follow, unless it does so already."""
        if not self._tasks:
            self._tasks = [
                asyncio.create_task(self._wakes.run(), name="journal-wakes"),
                asyncio.create_task(self._follow(), name="journal-tail"),
            ]

    async def stop(self) -> None:
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def next_change(self) -> asyncio.Event:
        """Return an event that is set when there are new entries or a new condition.

        Take it before reading a page, so that no change falls between reading and waiting.
        """
        return self._changed

    async def bounds(self) -> Bounds:
        """Return the range of the journal now.

        Raises JournalUnavailable.
        """
        return await self._reader.bounds()

    async def page(self, after: int) -> list[Entry]:
        """Return the entries that follow `after`, at most a page.

        Raises JournalUnavailable.
        """
        if after >= self._reached >= 0:
            return []
        if self._recent and self._recent[0].seq <= after + 1:
            # Without gaps, so the index of an entry is its distance from the first.
            start = after + 1 - self._recent[0].seq
            return list(islice(self._recent, start, start + PAGE))
        return _encoded(await self._reader.after(after))

    async def note_audience(self) -> None:
        """Record every NOTE_AUDIENCE_EVERY s that a visitor follows, if the database answers."""
        now = time.monotonic()
        if now - self._audience_noted_at >= NOTE_AUDIENCE_EVERY:
            self._audience_noted_at = now
            with suppress(JournalUnavailable):
                await self._reader.note_audience()

    async def _follow(self) -> None:
        while True:
            try:
                if self._reached < 0:
                    bounds = await self._reader.bounds()
                    self._reached = max(bounds.first - 1, bounds.last - PAGE)
                events = await self._reader.after(self._reached)
            except JournalUnavailable as error:
                if self.condition is not Condition.WAITING:
                    logger.warning("the journal cannot be read: %s", error)
                self._become(Condition.WAITING)
                await asyncio.sleep(RETRY_AFTER)
                continue
            self._append(events)
            connected = self._wakes.connected
            self._become(Condition.LIVE if connected else Condition.POLLING)
            if len(events) < PAGE:
                await self._wakes.wait(LOOK_ANYWAY if connected else LOOK_WITHOUT_REDIS)

    def _append(self, events: Sequence[StreamEvent]) -> None:
        if events:
            self._recent.extend(_encoded(events))
            self._reached = events[-1].seq
            self._wake_browsers()

    def _become(self, condition: Condition) -> None:
        if condition is not self.condition:
            self.condition = condition
            self._wake_browsers()

    def _wake_browsers(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


def _encoded(events: Sequence[StreamEvent]) -> list[Entry]:
    return [Entry(event.seq, _encoder.encode(event)) for event in events]


_tails: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, JournalTail]] = WeakKeyDictionary()


def journal_tail() -> JournalTail:
    """Return the tail of the running event loop, which follows the journal."""
    loop = asyncio.get_running_loop()
    tail = _tails.get(loop)
    if tail is None:
        tail = _tails[loop] = JournalTail(JournalReader(), WakeUps())
    tail.start()
    return tail
