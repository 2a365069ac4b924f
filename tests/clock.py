"""A clock that a test sets."""

from __future__ import annotations


class Clock:
    """A function that returns the time in seconds, and a stand-in for the module `time`.

    A sleep takes no time, and moves the clock.
    """

    def __init__(self, now: float = 1_000.0) -> None:
        self.now = now
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    time = monotonic = __call__

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
