"""Fixed windows: one count in Redis for all processes, and in memory while Redis is away."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest
from django.conf import settings
from django.test.utils import override_settings
from limits.storage import memory

from cluster.kit.cache_redis import REST, CacheRedis, RedisAway
from portfolio.edge import rate_limit
from portfolio.edge.rate_limit import FixedWindowLimiter
from tests.clock import Clock
from tests.conditions import eventually
from tests.servers import free_port, redis_command

TIME_OUT = 0.5  # seconds, of the cache's connections (portfolio/settings.py)


@pytest.fixture(autouse=True)
def _new_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget that Redis was away in an earlier test."""
    monkeypatch.setattr(rate_limit, "_redis", CacheRedis())


@pytest.fixture
def no_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    """No Redis anywhere."""
    monkeypatch.setenv("REDIS_URL", f"redis://:secret@127.0.0.1:{free_port()}/0")


@pytest.fixture
def redis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    """A Redis of this test, which the site's cache uses."""
    port = free_port()
    url = f"redis://:secret@127.0.0.1:{port}/0"
    monkeypatch.setenv("REDIS_URL", url)
    cache = settings.CACHES["default"] | {"LOCATION": url}
    with (
        subprocess.Popen(redis_command(port, "secret"), cwd=tmp_path) as server,
        override_settings(CACHES={"default": cache}),
    ):
        eventually(answers)
        yield server
        server.kill()


def answers() -> bool:
    try:
        return bool(CacheRedis().ask("ping"))
    except RedisAway:
        return False


def a_limiter(most: int, period: int = 60) -> FixedWindowLimiter:
    return FixedWindowLimiter(f"test-{uuid4()}", most, period)


# While Redis is away ------------------------------------------------------------------


@pytest.mark.usefixtures("no_redis")
class TestMemory:
    def test_an_empty_key_has_no_limit(self) -> None:
        limiter = a_limiter(1)
        assert not any(limiter.take("") for _ in range(3))

    def test_what_is_too_much_waits_for_the_end_of_the_period(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clock = Clock(100.0)
        monkeypatch.setattr(rate_limit, "time", clock)
        monkeypatch.setattr(memory, "time", clock)
        limiter = a_limiter(2)
        assert [limiter.take("a"), limiter.take("a")] == [0, 0]
        clock.now += 20.0
        assert 40 <= limiter.take("a") <= 41
        assert limiter.take("b") == 0
        clock.now += 40.0
        assert limiter.take("a") == 0

    def test_a_flood_of_addresses_takes_no_more_memory(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(rate_limit, "MOST_REMEMBERED", 20)
        limiter = a_limiter(1)
        for number in range(200):
            assert limiter.take(str(number)) == 0
        assert len(rate_limit._memory().storage) <= 20


# In Redis -----------------------------------------------------------------------------


@pytest.mark.usefixtures("redis")
class TestShared:
    def test_two_limiters_of_one_name_share_one_count(self) -> None:
        one = a_limiter(3)
        other = FixedWindowLimiter(one._limit.namespace, 3, 60)
        assert [one.take("a"), other.take("a"), one.take("a")] == [0, 0, 0]
        assert 50 < one.take("a") <= 60
        assert 50 < other.take("a") <= 60
        assert other.take("b") == 0

    def test_limiters_of_two_names_count_apart(self) -> None:
        assert [a_limiter(1).take("a"), a_limiter(1).take("a")] == [0, 0]

    def test_requests_at_once_get_no_more_than_there_is(self) -> None:
        limiter = a_limiter(10)
        with ThreadPoolExecutor(8) as pool:
            waits = list(pool.map(lambda _: limiter.take("a"), range(40)))
        assert sum(wait == 0 for wait in waits) == 10

    def test_whoever_waits_as_long_as_told_is_served(self) -> None:
        limiter = a_limiter(1, period=1)
        assert limiter.take("a") == 0
        wait = limiter.take("a")
        assert wait == 1
        time.sleep(wait)
        assert limiter.take("a") == 0

    def test_a_window_that_has_ended_is_kept_no_longer(self) -> None:
        limiter = a_limiter(1, period=1)
        limiter.take("a")
        client = CacheRedis()
        pattern = f"{rate_limit.PREFIX}:{limiter._limit.namespace}/*"
        assert client.ask("keys", pattern)
        eventually(lambda: not client.ask("keys", pattern))


def test_a_redis_that_dies_is_replaced_by_memory_and_used_again_when_it_is_back(
    redis: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    limiter = a_limiter(1)
    assert limiter.take("a") == 0
    redis.kill()
    redis.wait()
    assert limiter.take("a") == 0  # a count of this process's own begins
    assert limiter.take("a") > 0
    with subprocess.Popen(redis.args, cwd=tmp_path) as later:
        # Redis keeps nothing, so whoever is served now was counted there.
        eventually(lambda: limiter.take("a") == 0, within=10 * REST)
        later.kill()


def test_a_silent_redis_costs_one_time_out_for_all_limiters(
    redis: subprocess.Popen[bytes],
) -> None:
    limiters = [a_limiter(1) for _ in range(20)]
    limiters[0].take("a")  # there is a connection, which does not break
    redis.send_signal(signal.SIGSTOP)
    try:
        began = time.monotonic()
        waits = [limiter.take("b") for limiter in limiters]
        took = time.monotonic() - began
    finally:
        redis.send_signal(signal.SIGCONT)
    assert waits == [0] * 20
    assert TIME_OUT <= took < 5 * TIME_OUT
