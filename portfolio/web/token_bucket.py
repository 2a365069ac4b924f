"""A token bucket in Redis, for all web processes together: a burst, and a steady pace after it.

One Lua script reads the bucket, fills it by the time that has passed, and takes from it, so that
no two requests take the same token. Time is Redis' own: web processes need not agree on it.
Redis may die at any time; then nothing is limited, since nothing of worth is only there.
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
    """Whether a token was there; `left` are those after it, `wait` the seconds until the next."""

    allowed: bool
    left: int
    wait: float


@dataclass(slots=True)
class TokenBucket:
    """At most `size` at once, and `pace` a second after that; `name` tells buckets apart."""

    name: str
    size: int
    pace: float
    _redis: CacheRedis = field(default_factory=CacheRedis)

    def take(self, key: str) -> Taken:
        """Take one token of a key's; raises RedisAway, and then nobody knows what is left."""
        left, wait = self._redis.ask("eval", TAKE, 1, self.key(key), self.size, self.pace)
        return Taken(left >= 0, max(0, int(left)), wait / 1000)

    def key(self, key: str) -> str:
        """Where the bucket lies."""
        return f"{PREFIX}{self.name}:{key}"

    @property
    def window(self) -> int:
        """The seconds in which an empty bucket fills."""
        return math.ceil(self.size / self.pace)
