"""A token bucket in Redis that all web processes share: a burst, then a steady rate.

One Lua script reads the bucket, fills it by the time that has passed, and takes from it, so that
no two requests take the same token. The clock is that of Redis: web processes need not agree on
the time. Redis may die at any time: then `take` raises RedisAway, and its caller limits nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

from cluster.kit.cache_redis import CacheRedis

PREFIX: Final = "bucket:"

# KEYS[1] the bucket; ARGV: its size, tokens a second. The answer is what is left (floored) after
# one was taken, or -1 and the milliseconds until there is one.
TAKE: Final = """
local size, pace = tonumber(ARGV[1]), tonumber(ARGV[2])
local clock = redis.call('time')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1000000
local kept = redis.call('hmget', KEYS[1], 'tokens', 'at')
local tokens, at = tonumber(kept[1]) or size, tonumber(kept[2]) or now
tokens = math.min(size, tokens + math.max(0, now - at) * pace)
local left, wait = -1, 0
if tokens >= 1 then
  tokens = tokens - 1
  left = math.floor(tokens)
else
  wait = math.ceil((1 - tokens) / pace * 1000)
end
redis.call('hset', KEYS[1], 'tokens', tostring(tokens), 'at', string.format('%.6f', now))
redis.call('pexpire', KEYS[1], math.ceil(size / pace * 1000) + 1000)
return {left, wait}
"""


@dataclass(frozen=True, slots=True)
class Taken:
    """The result of a take: `left` tokens remain, `wait` is the seconds until the next one."""

    allowed: bool
    left: int
    wait: float


@dataclass(slots=True)
class TokenBucket:
    """A bucket of at most `size` tokens, which gains `pace` tokens a second.

    `name` distinguishes buckets.
    """

    name: str
    size: int
    pace: float
    _redis: CacheRedis = field(default_factory=CacheRedis)

    def take(self, key: str) -> Taken:
        """Take one token from the bucket of a key.

        Raises RedisAway, and then the number of tokens left is unknown.
        """
        left, wait = self._redis.ask("eval", TAKE, 1, self.key(key), self.size, self.pace)
        return Taken(left >= 0, max(0, int(left)), wait / 1000)

    def key(self, key: str) -> str:
        """Return the name of the bucket in Redis."""
        return f"{PREFIX}{self.name}:{key}"

    @property
    def window(self) -> int:
        """The seconds in which an empty bucket fills."""
        return math.ceil(self.size / self.pace)
