"""Redis: PING on a connection that stays open."""

from __future__ import annotations

import time
from typing import Final

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from cluster.health.probes.probe import (
    Answer,
    ProbeFailed,
    TimedOut,
    address_with_password,
    in_words,
)
from cluster.secrets.addresses import redis_url_with

SOCKET_PATIENCE: Final = 2.0  # seconds


class CacheProbe:
    """Asks Redis."""

    target = "redis"

    def __init__(self) -> None:
        self._client: redis.Redis | None = None

    def ask(self) -> Answer:
        try:
            client = self._connected()
            started = time.perf_counter()
            client.ping()
        except redis.AuthenticationError as error:
            self.close()
            raise ProbeFailed("it refuses the login") from error
        except redis.BusyLoadingError as error:
            raise ProbeFailed("it is loading its data") from error
        except redis.TimeoutError as error:
            self.close()
            raise TimedOut("it does not answer") from error
        except redis.RedisError as error:
            self.close()
            raise ProbeFailed(_in_words(error)) from error
        return Answer(1000 * (time.perf_counter() - started))

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def _connected(self) -> redis.Redis:
        if self._client is None:
            self._client = redis.Redis.from_url(
                address_with_password(redis_url_with, "redis"),
                single_connection_client=True,
                socket_connect_timeout=SOCKET_PATIENCE,
                socket_timeout=SOCKET_PATIENCE,
                # redis-py 8 tries again by itself, for many times the timeout.
                retry=Retry(NoBackoff(), 0),
                health_check_interval=0,
            )
        return self._client


def _in_words(error: redis.RedisError) -> str:
    """Return the reason of the socket's error, which redis-py wraps."""
    below = error.__cause__ or error.__context__
    return in_words(below if isinstance(below, OSError) else error)
