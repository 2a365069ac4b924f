"""Connections to Redis that look its address up, and move when a network fault redirects it."""

from __future__ import annotations

import time
from typing import Any, Final
from urllib.parse import urlsplit

import redis
import redis.asyncio

from config import environment

# A look-up costs some 30 microseconds, a good part of the cost of a command.
LOOK_EVERY: Final = 0.05  # seconds


class _Address:
    """The address of Redis, and whether it has changed since the connection was made."""

    def __init__(self) -> None:
        self._taken = ("", 0)
        self._looked_at = 0.0

    def take(self) -> tuple[str, int]:
        self._taken = self._now()
        return self._taken

    def has_moved(self) -> bool:
        now = time.monotonic()
        if now - self._looked_at < LOOK_EVERY:
            return False
        self._looked_at = now
        return self._taken != self._now()

    @staticmethod
    def _now() -> tuple[str, int]:
        parts = urlsplit(environment.redis_url())
        return parts.hostname or "localhost", parts.port or 6379


class RoutedConnection(redis.Connection):
    """Looks the address up before it connects, and while it is in use."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._address = _Address()
        untyped: Any = super()
        untyped.__init__(*arguments, **options)

    def _connect(self) -> Any:
        self.host, self.port = self._address.take()
        untyped: Any = super()
        return untyped._connect()  # noqa: SLF001 - of the base class

    def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        untyped: Any = super()
        connected: Any = self._sock
        if connected is not None and self._address.has_moved():
            untyped.disconnect()
        untyped.send_packed_command(command, check_health)


class RoutedAsyncConnection(redis.asyncio.Connection):
    """The asynchronous counterpart of RoutedConnection."""

    def __init__(self, **options: Any) -> None:
        self._address = _Address()
        super().__init__(**options)

    async def _connect(self) -> None:
        self.host, self.port = self._address.take()
        untyped: Any = super()
        await untyped._connect()  # noqa: SLF001 - of the base class

    async def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        if self.is_connected and self._address.has_moved():
            await self.disconnect()
        await super().send_packed_command(command, check_health)
