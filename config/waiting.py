"""Waiting for a condition or a lock, trying again after an error, pauses, and repeated work.

Only main loops of processes and threads pause by themselves (tests/config/test_waiting.py lists
them). Standard library only, so that it costs a process nothing to load: docs/adr/0034-waiting.md.
"""

from __future__ import annotations

import fcntl
import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count, repeat, takewhile
from pathlib import Path
from typing import Final, TypeVar

MOST_DOUBLINGS: Final = 30  # enough for any longest pause, and far from where a float overflows

T = TypeVar("T")
Pause = TypeVar("Pause", float, timedelta)

# Types of errors, or a function that decides on one error.
Expected = type[Exception] | tuple[type[Exception], ...] | Callable[[Exception], bool]


def wait_until(
    condition: Callable[[], T],
    *,
    within: float,
    every: float,
    holds: Callable[[T], bool] = bool,
    despite: Expected = (),
    failure: Exception | None = None,
) -> T:
    """Return the first value of `condition` that holds, asked for every `every` seconds.

    Once `within` seconds are over it raises `failure`, or else returns the value that does not
    hold. An error that `despite` expects counts as no value until then, and is raised then.
    """
    end = time.monotonic() + within
    while True:
        try:
            value = condition()
        except Exception as error:
            if not _is_expected(error, despite) or time.monotonic() >= end:
                raise
        else:
            if holds(value):
                return value
            if time.monotonic() >= end:
                if failure is not None:
                    raise failure
                return value
        time.sleep(every)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Wait until no other process or thread holds the lock of a file, and hold it for the block.

    The kernel releases it however a process ends.
    """
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def retry(
    act: Callable[[], T],
    *,
    on: Expected,
    pauses: Iterable[float],
    before_pause: Callable[[Exception], object] = lambda _error: None,
) -> T:
    """Return the result of `act`, repeated after an error that `on` expects while pauses are left.

    Pauses are in seconds. The error for which no pause is left is raised.
    """
    left = iter(pauses)
    while True:
        try:
            return act()
        except Exception as error:
            pause = next(left, None) if _is_expected(error, on) else None
            if pause is None:
                raise
            before_pause(error)
        time.sleep(pause)


def constant(pause: float, *, within: float) -> Iterator[float]:
    """Return the same pause again and again, for `retry`, until `within` seconds are over."""
    end = time.monotonic() + within
    return takewhile(lambda _: time.monotonic() < end, repeat(pause))


def exponential(first: float, *, longest: float, within: float = math.inf) -> Iterator[float]:
    """Return pauses that double up to `longest`, for `retry`, and that end within `within` seconds.

    The seconds count from this call.
    """
    end = time.monotonic() + within
    doubling = (back_off(number, first=first, longest=longest) for number in count(1))
    return takewhile(lambda pause: time.monotonic() + pause <= end, doubling)


def back_off(number: int, *, first: Pause, longest: Pause) -> Pause:
    """Return the pause after failure `number` in a row: `first`, then doubled up to `longest`."""
    return min(first * 2.0 ** min(number - 1, MOST_DOUBLINGS), longest)


def _is_expected(error: Exception, expected: Expected) -> bool:
    if isinstance(expected, type | tuple):
        return isinstance(error, expected)
    return expected(error)


@contextmanager
def repeated(act: Callable[[], object], *, every: float, name: str) -> Iterator[None]:
    """Run `act` in a thread, every so many seconds, until the block ends or `act` returns False.

    The first run comes after the first pause. The block waits at its end for a run in progress.
    """
    ended = threading.Event()

    def act_again() -> None:
        while not ended.wait(every):
            if act() is False:
                return

    thread = threading.Thread(target=act_again, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
