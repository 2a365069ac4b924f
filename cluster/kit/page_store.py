"""The store of built pages between requests: in Redis, for all web processes together.

Redis may die at any time: every method but `unlock` raises `RedisAway` then (`cache_redis.py`),
and the page is built for that request alone.
"""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

from cluster.kit.cache_redis import CacheRedis
from config.waiting import wait_until

GRACE: Final = 30.0  # seconds that a page outlives its freshness, to be shown while it is rebuilt
LOCK_FOR: Final = 5.0  # seconds: longer than any page takes, should its builder die
WAIT: Final = 1.5  # seconds that a request waits for another's page before it builds its own
LOOK_EVERY: Final = 0.02  # seconds

PREFIX: Final = "page:"
VERSION: Final = "page-version"


class Page(msgspec.Struct, frozen=True):
    """One built page, with a body for each encoding in which it may be sent."""

    version: int  # of all content, when the building began
    built_at: float  # Unix seconds
    etag: str
    content_type: str
    bodies: dict[str, bytes]  # by Content-Encoding; "" is the plain one
    headers: dict[str, str]  # the view's other headers, such as Last-Modified


class PageStore:
    """Pages by key, the version of the content, and the right to build."""

    def __init__(self) -> None:
        self._redis = CacheRedis()

    def read(self, key: str) -> tuple[int, Page | None]:
        """Return the content's version, and the page if there is one of that version."""
        found, raw = self._redis.ask("mget", VERSION, _name(key))
        version = int(found or 0)
        if raw is None:
            return version, None
        page = msgspec.msgpack.decode(raw, type=Page)
        return version, page if page.version == version else None

    def write(self, key: str, page: Page, *, lifetime: float) -> None:
        """Keep a page for `lifetime` seconds, and GRACE seconds more while it is rebuilt."""
        milliseconds = int((lifetime + GRACE) * 1000)
        self._redis.ask("set", _name(key), msgspec.msgpack.encode(page), px=milliseconds)

    def lock(self, key: str) -> str | None:
        """Return a token for the right to build this page, or None while another request has it."""
        return self._redis.lock(_name(key) + ":lock", seconds=LOCK_FOR)

    def unlock(self, key: str, token: str) -> None:
        self._redis.unlock(_name(key) + ":lock", token)

    def wait(self, key: str) -> Page | None:
        """Return the page that another request is building, or None after WAIT seconds."""
        return wait_until(lambda: self.read(key)[1], within=WAIT, every=LOOK_EVERY)

    def next_version(self) -> None:
        """Make every kept page an old one."""
        self._redis.ask("incr", VERSION)


def _name(key: str) -> str:
    """Return a key of bounded length, for a query of any length."""
    return PREFIX + hashlib.sha256(key.encode()).hexdigest()
