"""Waiting for a condition, never for a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event
from typing import TypeVar

T = TypeVar("T")


def eventually(condition: Callable[[], T], *, within: float = 20.0, every: float = 0.05) -> T:
    """The first true value of `condition`; AssertionError when there is none in time.

    `within` is generous on purpose: it ends a hanging test, it measures nothing.
    """
    give_up = time.monotonic() + within
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > give_up:
            raise AssertionError(f"not true within {within} s; last value: {value!r}")
        Event().wait(every)
