"""Request limits in fixed windows of time, which all web processes share.

Limits for each session bind clients that keep their session. Those for each address bind the
others too, and are generous, since an office or a school may share one address. The counts are in
Redis; while it is away each process counts in its own memory (docs/adr/0033-request-limits.md).
"""

from __future__ import annotations

import functools
import math
import time
from typing import Any, Final

from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import FixedWindowRateLimiter

from cluster.kit.cache_redis import CacheRedis, RedisAway

PREFIX: Final = "rate-limit"
MOST_REMEMBERED: Final = 10_000  # windows in memory, a few megabytes
ROUNDED: Final = 0.5  # seconds by which Redis may name the end of a window too early

# One for all limiters: a dead Redis costs one time-out, not one for each limiter.
_redis: Final = CacheRedis()
_memory: Final = functools.cache(MemoryStorage)  # at first use, since it starts threads


class FixedWindowLimiter:
    """A limit of `most` requests of one key in each window of `period` seconds.

    A window begins with its first request. `name` distinguishes limiters.
    """

    def __init__(self, name: str, most: int, period: int) -> None:
        self.most = most
        self._limit = RateLimitItemPerSecond(most, period, namespace=name)

    def take(self, key: str) -> int:
        """Count one request, and return 0 when it may be served, else the seconds to wait."""
        if not key:
            return 0
        try:
            return _redis.run(lambda client: self._hit(_in_redis(client.connection_pool), key))
        except RedisAway:
            return self._hit(_in_memory(), key)

    def _hit(self, windows: FixedWindowRateLimiter, key: str) -> int:
        if windows.hit(self._limit, key):
            return 0
        left = windows.get_window_stats(self._limit, key).reset_time - time.time()
        return max(1, min(self._limit.get_expiry(), math.ceil(left + ROUNDED)))


@functools.lru_cache(maxsize=1)
def _in_redis(pool: Any) -> FixedWindowRateLimiter:
    storage = RedisStorage("redis://", connection_pool=pool, key_prefix=PREFIX)
    return FixedWindowRateLimiter(storage)


def _in_memory() -> FixedWindowRateLimiter:
    storage = _memory()
    if len(storage.storage) >= MOST_REMEMBERED:
        storage.reset()  # this bounds the memory, not a flood from new addresses
    return FixedWindowRateLimiter(storage)
