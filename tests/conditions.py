"""The functions with which tests wait for a condition, and never for a time.

A wait whose time is over raises DeadlineMissed. A busy machine alone may cause that, so
`manage.py test` runs such a test once more, and no other failure (see tests/unsteady.py).
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


def eventually(
    condition: Callable[[], T | None], *, within: float = 20.0, every: float = 0.05
) -> T:
    """Return the first true value of `condition`, which is asked every `every` seconds.

    Raises DeadlineMissed when there is none within `within` seconds. That is long on purpose: it
    ends a hanging test, and measures nothing.
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
    condition: Callable[[], T | None], *, within: float = 20.0, every: float = 0.02
) -> T:
    """Return the first true value of `condition`, and let the event loop go on meanwhile.

    Raises DeadlineMissed as `eventually` does.
    """
    give_up = time.monotonic() + within
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > give_up:
            raise DeadlineMissed(within, value)
        await asyncio.sleep(every)
