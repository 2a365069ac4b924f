"""One reader computes a product for the cache, a change expires it, and Redis may be away."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Lock
from uuid import uuid4

import pytest

from cluster.kit.cache_redis import RedisAway
from portfolio.api.product_cache import Kind, ProductCache, Served

pytestmark = pytest.mark.platform

READERS = 20


@pytest.fixture
def kind() -> Kind:
    return Kind(f"test-{uuid4().hex}", 5.0)


def counted() -> tuple[Callable[[], int], Callable[[], int]]:
    """Return a slow computation that counts its runs, and a function that returns their number."""
    done = 0
    lock = Lock()

    def compute() -> int:
        nonlocal done
        time.sleep(0.1)  # the work
        with lock:
            done += 1
            return done

    return compute, lambda: done


def stampede(kind: Kind, compute: Callable[[], int], *, locked: bool) -> Counter[int]:
    copies, together = ProductCache(), Barrier(READERS)

    def read(_reader: int) -> int:
        together.wait(timeout=10)
        value: int = copies.get(kind, "flag", compute, locked=locked).value
        return value

    with ThreadPoolExecutor(READERS) as pool:
        return Counter(pool.map(read, range(READERS)))


@pytest.mark.usefixtures("platform_url")
def test_of_many_readers_one_computes_for_all(kind: Kind) -> None:
    compute, times = counted()

    assert stampede(kind, compute, locked=True) == {1: READERS}
    assert times() == 1


@pytest.mark.usefixtures("platform_url")
def test_without_the_lock_many_do(kind: Kind) -> None:
    compute, times = counted()

    stampede(kind, compute, locked=False)

    assert times() > 1


@pytest.mark.usefixtures("platform_url")
def test_a_copy_computed_while_the_product_changed_is_not_used(kind: Kind) -> None:
    copies = ProductCache()
    sku = uuid4().hex

    def overtaken() -> str:
        copies.changed(sku)
        return "old"

    assert copies.get(kind, sku, overtaken).value == "old"
    assert copies.get(kind, sku, lambda: "new").value == "new"
    assert copies.get(kind, sku, lambda: "newer").served is Served.HIT


def test_with_redis_away_everybody_computes(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    copies = ProductCache()

    def away(*_arguments: object, **_options: object) -> None:
        raise RedisAway

    monkeypatch.setattr(copies._redis, "ask", away)

    copy = copies.get(kind, "flag", lambda: 7)

    assert (copy.value, copy.cache_status) == (7, "portfolio; fwd=bypass; detail=redis-away")
