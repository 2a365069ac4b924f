"""A Redis that is away costs the caches one time-out, and only its holder releases a lock."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from cluster.kit import cache_redis
from cluster.kit.cache_redis import CacheRedis, RedisAway
from cluster.kit.page_store import PageStore
from portfolio.edge.token_bucket import TokenBucket


def asking_for_a_command() -> Callable[[], object]:
    redis = CacheRedis()
    return lambda: redis.ask("get", "anything")


def asking_for_a_page() -> Callable[[], object]:
    store = PageStore()
    return lambda: store.read("a page")


def asking_for_a_token() -> Callable[[], object]:
    bucket = TokenBucket("test", size=1, pace=1.0)
    return lambda: bucket.take("somebody")


@pytest.mark.parametrize("error", [RedisTimeoutError, RedisConnectionError])
@pytest.mark.parametrize("asking", [asking_for_a_command, asking_for_a_page, asking_for_a_token])
def test_a_redis_that_does_not_answer_is_left_alone_for_a_moment(
    monkeypatch: pytest.MonkeyPatch,
    asking: Callable[[], Callable[[], object]],
    error: type[RedisError],
) -> None:
    asked = []

    def refuse(alias: str) -> None:
        asked.append(alias)
        raise error

    monkeypatch.setattr(cache_redis, "get_redis_connection", refuse)
    ask = asking()
    for _ in range(3):
        with pytest.raises(RedisAway):
            ask()
    assert asked == ["default"]


def test_a_lock_that_cannot_be_given_back_ends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_alias: str) -> None:
        raise RedisTimeoutError

    monkeypatch.setattr(cache_redis, "get_redis_connection", refuse)
    CacheRedis().unlock("a lock", "its token")


@pytest.mark.platform
@pytest.mark.usefixtures("platform")
class TestLock:
    def test_only_one_has_it(self) -> None:
        redis, name = CacheRedis(), f"test-lock:{uuid4()}"
        assert redis.lock(name, seconds=5.0)
        assert redis.lock(name, seconds=5.0) is None

    def test_who_gives_it_back_lets_the_next_have_it(self) -> None:
        redis, name = CacheRedis(), f"test-lock:{uuid4()}"
        token = redis.lock(name, seconds=5.0)
        assert token
        redis.unlock(name, token)
        assert redis.lock(name, seconds=5.0)

    def test_who_has_lost_it_does_not_take_it_from_the_next(self) -> None:
        redis, name = CacheRedis(), f"test-lock:{uuid4()}"
        assert redis.lock(name, seconds=5.0)
        redis.unlock(name, "the token of one who held it before")
        assert redis.lock(name, seconds=5.0) is None
