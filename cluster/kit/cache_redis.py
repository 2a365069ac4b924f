"""Redis as the site's caches use it, which may die at any time and keeps nothing of lasting value.

After a failure every command raises `RedisAway` at once for REST seconds, so that a
silent Redis costs one time-out and not one for each request.

Source: https://redis.io/docs/latest/commands/set/ (the lock).
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, TypeVar

from django_redis import get_redis_connection
from redis.exceptions import RedisError

from config.environment import MissingSetting

Result = TypeVar("Result")

REST: Final = 2.0  # seconds without a command after Redis has failed to answer one

# Deletes the lock only while it is still the holder's own.
UNLOCK: Final = (
    "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0"
)


class RedisAway(Exception):
    """Redis does not answer, so the caller goes on without it."""


class CacheRedis:
    """Commands to the cache's Redis. Each instance pauses on its own after a failure."""

    def __init__(self) -> None:
        self._rests_until = 0.0

    def ask(self, command: str, *arguments: Any, **options: Any) -> Any:
        """Return the answer to one command, by redis-py's name for it, or raise RedisAway."""
        return self.run(lambda client: getattr(client, command)(*arguments, **options))

    def run(self, act: Callable[[Any], Result]) -> Result:
        """Return the result of `act`, which gets redis-py's client, or raise RedisAway."""
        if time.monotonic() < self._rests_until:
            raise RedisAway
        try:
            return act(get_redis_connection("default"))
        except (RedisError, OSError, MissingSetting) as error:
            self._rests_until = time.monotonic() + REST
            raise RedisAway from error

    def lock(self, name: str, *, seconds: float) -> str | None:
        """Return a token for the lock of this name, or None while another process has it.

        The lock ends by itself after `seconds`, should its holder die. Raises RedisAway.
        """
        token = secrets.token_hex(8)
        won = self.ask("set", name, token, nx=True, px=int(seconds * 1000))
        return token if won else None

    def unlock(self, name: str, token: str) -> None:
        """Release the lock, unless another process has it by now.

        With Redis away it ends by itself.
        """
        with suppress(RedisAway):
            self.ask("eval", UNLOCK, 1, name, token)
