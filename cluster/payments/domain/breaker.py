"""A circuit breaker with capped back-off, for a provider that may be down.

closed     every call goes out; after a failure the next waits `first_pause`, doubled each time
open       after `threshold` failures in a row no call goes out until the pause is over
half-open  the pause is over: one call goes out as a trial, and decides

A failure uses nothing up: a request that could not be sent is kept, for as long as it takes. See
https://martinfowler.com/bliki/CircuitBreaker.html.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace

from config.waiting import back_off


class Circuit(enum.StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


@dataclass(frozen=True, slots=True)
class Breaker:
    """The state of the circuit, with times in seconds of one monotonic clock."""

    threshold: int = 5
    first_pause: float = 0.05
    # An authorisation must be answered within 6 s: a longer pause alone would use that up.
    longest_pause: float = 1.6
    failures: int = 0
    retry_at: float = 0.0

    def circuit(self, now: float) -> Circuit:
        if self.failures < self.threshold:
            return Circuit.CLOSED
        return Circuit.OPEN if now < self.retry_at else Circuit.HALF_OPEN

    def pause(self, now: float) -> float:
        """Return the seconds until the next call may go out, 0 when it may go now."""
        return max(0.0, self.retry_at - now)

    def succeeded(self) -> Breaker:
        """Return the breaker after an answered call, which closes the circuit."""
        return replace(self, failures=0, retry_at=0.0)

    def failed(self, now: float) -> Breaker:
        """Return the breaker after a failed call, with a longer pause.

        A failed trial opens the circuit again.
        """
        failures = self.failures + 1
        pause = back_off(failures, first=self.first_pause, longest=self.longest_pause)
        return replace(self, failures=failures, retry_at=now + pause)
