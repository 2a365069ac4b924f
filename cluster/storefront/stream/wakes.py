"""The receiving side of wake-ups: a subscription to Redis that notices when Redis is gone.

See `cluster/storefront/journal/wake.py` for the sending side.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Any, Final

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from cluster.secrets.addresses import redis_url_with_credentials
from cluster.secrets.cache_connections import RoutedAsyncConnection
from cluster.storefront.journal.wake import CHANNEL

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT: Final = 0.5  # seconds
# Seconds. A paused Redis breaks no connection: an unanswered ping reveals it.
SILENCE: Final = 2.0  # seconds
RECONNECT_AFTER: Final = 1.0  # seconds


class WakeUps:
    """Receives wake-ups, which can be relied on while `connected` is true."""

    def __init__(self) -> None:
        self.connected = False
        self._grown = asyncio.Event()

    async def wait(self, at_most: float) -> None:
        """Return at the next wake-up, at a change of `connected`, or after `at_most` seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(at_most):
                await self._grown.wait()
        self._grown.clear()

    async def run(self) -> None:
        """Stay subscribed until cancelled."""
        url = await asyncio.to_thread(redis_url_with_credentials)
        while True:
            client = redis.asyncio.Redis.from_url(
                url,
                socket_connect_timeout=CONNECT_TIMEOUT,
                # redis-py 8 tries again by itself, for many times the timeout.
                retry=Retry(NoBackoff(), 0),
                health_check_interval=0,
                connection_class=RoutedAsyncConnection,
            )
            try:
                await self._listen(client)
            except (redis.RedisError, OSError) as error:
                if self.connected:
                    logger.warning("no wake-ups from Redis: %s", error)
                self._become(connected=False)
            finally:
                with suppress(redis.RedisError, OSError):
                    await client.aclose()
            await asyncio.sleep(RECONNECT_AFTER)

    async def _listen(self, client: redis.asyncio.Redis) -> None:
        async with client.pubsub() as subscription:
            await subscription.subscribe(CHANNEL)
            pinged = False
            while True:
                message: dict[str, Any] | None = await subscription.get_message(timeout=SILENCE)
                if message is None:
                    if pinged:
                        raise redis.ConnectionError(f"silent for {2 * SILENCE:.0f} s")
                    await subscription.ping()
                    pinged = True
                    continue
                pinged = False
                self._become(connected=True)
                if message["type"] == "message":
                    self._grown.set()

    def _become(self, *, connected: bool) -> None:
        if connected != self.connected:
            self.connected = connected
            self._grown.set()
