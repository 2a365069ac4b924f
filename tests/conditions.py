"""The one way in which tests wait: for a condition, never for a time.

A wait whose time is over raises DeadlineMissed. On a busy machine that may be nobody's fault,
so `manage.py test` tries such a test once more (see tests/unsteady.py); no other failure is.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from threading import Event
from typing import TypeVar

T = TypeVar("T")


class DeadlineMissed(AssertionError):
    """The condition did not hold in time."""

    def __init__(self, within: float, last: object) -> None:
        super().__init__(f"not true within {within} s; last value: {last!r}")


def eventually(condition: Callable[[], T], *, within: float = 20.0, every: float = 0.05) -> T:
    """The first true value of `condition`; DeadlineMissed when there is none in time.

    `within` is generous on purpose: it ends a hanging test, it measures nothing.
    """
    give_up = time.monotonic() + within
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > give_up:
            raise DeadlineMissed(within, value)
        Event().wait(every)


async def eventually_async(
    condition: Callable[[], T], *, within: float = 20.0, every: float = 0.02
) -> T:
    """The same inside of a coroutine, whose event loop goes on meanwhile."""
    give_up = time.monotonic() + within
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > give_up:
            raise DeadlineMissed(within, value)
        await asyncio.sleep(every)
