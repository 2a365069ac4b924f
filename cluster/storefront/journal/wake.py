"""Wake-ups: the site's worker notifies every web process, through Redis, of new journal entries.

A wake-up carries only the newest number: the entries are in the database. When Redis is away
wake-ups are lost, and nothing else is: the web processes then poll. With them go the changes of
products, which make every cached copy of them stale (`portfolio/api/product_cache.py`).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Iterable
from typing import Final

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from cluster.catalog.contract import ProductAmended, ProductListed, ProductRestocked
from cluster.messaging.contract import UnknownMessageType
from cluster.messaging.envelope import Envelope, InvalidMessage, decode_message
from cluster.secrets.addresses import redis_url_with_credentials
from cluster.secrets.cache_connections import RoutedConnection

logger = logging.getLogger(__name__)

CHANNEL: Final = "site.journal"
TIMEOUT: Final = 0.5  # seconds, to connect and to publish
PAUSE_AFTER_FAILURE: Final = 1.0  # seconds

CHANGES: Final = frozenset(
    schema.message_type.name for schema in (ProductListed, ProductAmended, ProductRestocked)
)
GENERATION: Final = "product-generation:"
# Longer than any cached copy lives: a number that begins anew meets no copy of its first life.
GENERATION_FOR: Final = 600  # seconds


def changed_products(envelopes: Iterable[Envelope]) -> set[str]:
    """Return the SKUs that events of catalog in this batch are about."""
    skus = set()
    for envelope in envelopes:
        if envelope.type in CHANGES:
            try:
                skus.add(str(decode_message(envelope).payload.sku))  # type: ignore[attr-defined]
            except (InvalidMessage, UnknownMessageType):
                continue  # the service that handles this type files it with the reason
    return skus


def announce(last_seq: int, changed: Collection[str] = ()) -> None:
    """Notify the web processes of the journal's last `seq` and of changed products.

    Returns at once and never raises: a thread publishes, always the newest number only.
    """
    _announcer.announce(last_seq, changed)


class Announcer:
    """Publishes the newest `seq` from its own thread, so that a paused Redis blocks no caller."""

    def __init__(self) -> None:
        self._newest = 0
        self._changed: set[str] = set()
        self._grown = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._client: redis.Redis | None = None
        self._failing = False

    def announce(self, last_seq: int, changed: Collection[str] = ()) -> None:
        with self._lock:
            self._changed.update(changed)
            self._newest = max(self._newest, last_seq)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="journal-wake", daemon=True)
                self._thread.start()
        self._grown.set()

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            self._grown.wait()
            self._grown.clear()
            if not self._publish(self._newest):
                pause.wait(PAUSE_AFTER_FAILURE)

    def _publish(self, seq: int) -> bool:
        with self._lock:
            changed, self._changed = self._changed, set()
        try:
            if self._client is None:
                self._client = _connect()
            together = self._client.pipeline(transaction=False)
            for sku in changed:
                together.incr(GENERATION + sku)
                together.expire(GENERATION + sku, GENERATION_FOR)
            together.publish(CHANNEL, seq)
            together.execute()
        except Exception as error:  # noqa: BLE001  # a lost wake-up stops nothing
            if not self._failing:
                logger.warning("wake-ups are being lost, Redis: %s", error)
            self._failing = True
            with self._lock:
                self._changed |= changed  # sent with the next wake-up
            return False
        if self._failing:
            logger.info("wake-ups reach Redis again")
        self._failing = False
        return True


def _connect() -> redis.Redis:
    return redis.Redis.from_url(
        redis_url_with_credentials(),
        socket_connect_timeout=TIMEOUT,
        socket_timeout=TIMEOUT,
        # redis-py 8 tries again by itself, for many times the timeout.
        retry=Retry(NoBackoff(), 0),
        connection_class=RoutedConnection,
    )


_announcer: Final = Announcer()
