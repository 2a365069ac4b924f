"""Redis as the site's caches use it: it may die at any time, and nothing of worth is only there.

Every question then raises `RedisAway` at once, and for a moment nobody asks again,
so that a silent Redis costs one time-out and not one for each request.

Source: https://redis.io/docs/latest/commands/set/ (the lock).
"""

from __future__ import annotations

import secrets
import time
from contextlib import suppress
from typing import Any, Final, cast

from django_redis import get_redis_connection
from redis.exceptions import RedisError

from config.environment import MissingSetting

REST: Final = 2.0  # seconds without a question after Redis has failed to answer one

# Deletes the lock only while it is still the holder's own.
UNLOCK: Final = (
    "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0"
)


class RedisAway(Exception):
    """Redis does not answer; whoever asked does without it."""


class CacheRedis:
    """Questions to the cache's Redis. Each holder rests for itself after a failure."""

    def __init__(self) -> None:
        self._rests_until = 0.0

    def ask(self, command: str, *arguments: Any, **options: Any) -> Any:
        """The answer to one command, by redis-py's name for it; raises RedisAway."""
        if time.monotonic() < self._rests_until:
            raise RedisAway
        try:
            connection = cast("Any", get_redis_connection("default"))
            return getattr(connection, command)(*arguments, **options)
        except (RedisError, OSError, MissingSetting) as error:
            self._rests_until = time.monotonic() + REST
            raise RedisAway from error

    def lock(self, name: str, *, seconds: float) -> str | None:
        """The lock of this name as a token, None while somebody else has it; raises RedisAway.

        It ends by itself after `seconds`, should its holder die.
        """
        token = secrets.token_hex(8)
        won = self.ask("set", name, token, nx=True, px=int(seconds * 1000))
        return token if won else None

    def unlock(self, name: str, token: str) -> None:
        """Give it back, unless somebody else has it by now; with Redis away it ends by itself."""
        with suppress(RedisAway):
            self.ask("eval", UNLOCK, 1, name, token)
