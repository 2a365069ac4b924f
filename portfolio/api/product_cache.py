"""Cached copies of products in Redis, invalidated by each event that changes the product.

A copy carries the generation of its product from before it was computed. An event raises the
generation after the read model's commit (`journal/wake.py`), so a copy that was computed while
the product changed is never served as current. While Redis is away every request reads the
database. A change that no event announces is seen at the end of the copy's lifetime.

Source: RFC 9211 (Cache-Status).
"""

from __future__ import annotations

import enum
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from cluster.kit.cache_redis import CacheRedis, RedisAway
from cluster.storefront.journal.wake import GENERATION, GENERATION_FOR
from config.waiting import wait_until
from portfolio.metrics.registry import PRODUCT_CACHE

LOCK_FOR: Final = 5.0  # seconds: longer than any computation; frees the lock of a dead process
WAIT: Final = 1.5  # seconds that a read waits for another read's result before it computes one
LOOK_EVERY: Final = 0.02  # seconds


class Served(enum.StrEnum):
    """The ways in which a read is served, in the words of Cache-Status."""

    HIT = "hit"
    COMPUTED = "fwd=miss; stored"
    COLLAPSED = "fwd=miss; collapsed"  # another read computed it meanwhile
    IMPATIENT = "fwd=miss; detail=waited-in-vain"
    REDIS_AWAY = "fwd=bypass; detail=redis-away"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of copy, and the longest time in seconds for which one is kept."""

    name: str
    lifetime: float


@dataclass(frozen=True, slots=True)
class Copy:
    """A value, how the read was served, and the seconds for which the copy may still be used."""

    value: Any
    served: Served
    left: float = 0.0

    @property
    def cache_status(self) -> str:
        """The value of the field Cache-Status."""
        ttl = f"; ttl={self.left:.0f}" if self.served is Served.HIT else ""
        return f"portfolio; {self.served}{ttl}"


class Kept(msgspec.Struct, frozen=True):
    """A copy as it is stored in Redis."""

    generation: int
    until: float  # Unix seconds
    value: Any


PRODUCT: Final = Kind("product", 30.0)
STATISTICS: Final = Kind("statistics", 5.0)


class ProductCache:
    """The cached copies. Each process has one cache object, and all use the same Redis."""

    def __init__(self) -> None:
        self._redis = CacheRedis()

    def get(self, kind: Kind, sku: str, compute: Callable[[], Any], *, locked: bool = True) -> Copy:
        """Return the copy, or else the result of `compute`, which must be JSON or None.

        None is not stored. Of the reads that find no copy, one computes and the others wait for
        it. Without `locked`, which is the naive way, each of them computes. An exception of
        `compute` reaches the read that called it.
        """
        try:
            copy = self._taken(kind, sku, compute, locked=locked)
        except RedisAway:
            copy = Copy(compute(), Served.REDIS_AWAY)
        PRODUCT_CACHE.labels(kind.name, copy.served.name.lower()).inc()
        return copy

    def changed(self, sku: str) -> None:
        """Invalidate every copy of this product.

        While Redis is away this does nothing, since no copy is read then.
        """
        try:
            self._redis.ask("incr", GENERATION + sku)
            self._redis.ask("expire", GENERATION + sku, GENERATION_FOR)
        except RedisAway:
            return

    def _taken(self, kind: Kind, sku: str, compute: Callable[[], Any], *, locked: bool) -> Copy:
        generation, kept = self._read(kind, sku)
        if kept is not None:
            return Copy(kept.value, Served.HIT, kept.until - time.time())
        if not locked:
            return self._computed(kind, sku, generation, compute)
        lock = f"{_key(kind, sku)}:lock"

        def take() -> Copy | None:
            token = self._redis.lock(lock, seconds=LOCK_FOR)
            try:
                # Read again: another read may have stored it before the lock was free.
                generation, kept = self._read(kind, sku)
                if kept is not None:
                    return Copy(kept.value, Served.COLLAPSED)
                return None if token is None else self._computed(kind, sku, generation, compute)
            finally:
                if token is not None:
                    self._redis.unlock(lock, token)

        taken = wait_until(take, within=WAIT, every=LOOK_EVERY)
        return taken or Copy(compute(), Served.IMPATIENT)

    def _computed(self, kind: Kind, sku: str, generation: int, compute: Callable[[], Any]) -> Copy:
        value = compute()
        if value is None:
            return Copy(None, Served.COMPUTED)
        kept = msgspec.json.encode(Kept(generation, time.time() + kind.lifetime, value))
        try:
            self._redis.ask("set", _key(kind, sku), kept, px=int(kind.lifetime * 1000))
        except RedisAway:
            return Copy(value, Served.REDIS_AWAY)
        return Copy(value, Served.COMPUTED)

    def _read(self, kind: Kind, sku: str) -> tuple[int, Kept | None]:
        found, raw = self._redis.ask("mget", GENERATION + sku, _key(kind, sku))
        generation = int(found or 0)
        if raw is None:
            return generation, None
        kept = msgspec.json.decode(raw, type=Kept)
        return generation, kept if kept.generation == generation else None


def _key(kind: Kind, sku: str) -> str:
    return f"product-copy:{kind.name}:{sku}"


cache: Final = ProductCache()
