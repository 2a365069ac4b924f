"""The naive limiter, for comparison: a counter for each window of time."""

from __future__ import annotations

from typing import Any, Final, cast
from uuid import UUID

from django_redis import get_redis_connection

PREFIX: Final = "demo-window:"


def redis() -> Any:
    """Return the connection that the site's cache uses."""
    return cast("Any", get_redis_connection("default"))


def now() -> float:
    """Return the time of Redis' clock, in seconds of the epoch."""
    seconds, microseconds = redis().time()
    return float(seconds) + float(microseconds) / 1_000_000


def allowed(run: UUID, *, most: int, window: float, at: float) -> bool:
    """Count one more in the window of `at`, and return whether it is among the first `most`."""
    key = f"{PREFIX}{run}:{int(at // window)}"
    counted = redis().incr(key)
    redis().expire(key, int(window) + 60)
    return bool(counted <= most)
