"""A process serves so many at the same time, and one client has no more than its share of them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from cluster.storefront.concurrency_limiter import ConcurrencyLimiter, NoneFree, ShareUsed
from tests.conditions import eventually


def test_one_client_leaves_room_for_another() -> None:
    limiter = ConcurrencyLimiter(3, share=2)
    limiter.acquire("one")
    limiter.acquire("one")
    with pytest.raises(ShareUsed):
        limiter.acquire("one")
    limiter.acquire("another")


def test_all_clients_together_get_no_more_than_there_is() -> None:
    limiter = ConcurrencyLimiter(2, share=1)
    limiter.acquire("one")
    limiter.acquire("another")
    with pytest.raises(NoneFree) as refusal:
        limiter.acquire("a third")
    assert not isinstance(refusal.value, ShareUsed)


def test_a_client_without_an_address_is_limited_by_the_total_alone() -> None:
    limiter = ConcurrencyLimiter(3, share=1)
    for _ in range(3):
        limiter.acquire("")
    with pytest.raises(NoneFree):
        limiter.acquire("")


def test_what_is_released_can_be_used_again() -> None:
    limiter = ConcurrencyLimiter(3, share=1)
    for _ in range(4):
        limiter.acquire("one")
        limiter.release("one")
    assert not limiter._used


def test_who_waits_gets_what_is_released() -> None:
    limiter = ConcurrencyLimiter(3, share=1)
    limiter.acquire("one")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(limiter.acquire, "one", 60.0)
        eventually(lambda: limiter._released._waiters)  # type: ignore[attr-defined]
        assert not waiting.done()
        limiter.release("one")
        waiting.result(timeout=20.0)


def test_who_waits_in_vain_is_refused() -> None:
    limiter = ConcurrencyLimiter(3, share=1)
    limiter.acquire("one")
    with pytest.raises(ShareUsed):
        limiter.acquire("one", 0.01)
