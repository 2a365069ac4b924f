"""The token bucket: a burst is served, then a steady pace; and no token is taken twice."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from redis.exceptions import ConnectionError as RedisAway

from portfolio.web import token_bucket
from portfolio.web.token_bucket import BucketAway, TokenBucket


@pytest.mark.platform
@pytest.mark.usefixtures("platform")
class TestBucket:
    def test_a_burst_takes_each_token_once(self) -> None:
        bucket, key = TokenBucket("test", size=20, pace=0.1), str(uuid4())

        with ThreadPoolExecutor(10) as pool:
            taken = list(pool.map(lambda _: bucket.take(key), range(50)))

        assert sorted(one.left for one in taken if one.allowed) == list(range(20))

    def test_whoever_waits_as_long_as_told_is_served(self) -> None:
        bucket, key = TokenBucket("test", size=1, pace=5.0), str(uuid4())
        assert bucket.take(key).allowed

        refused = bucket.take(key)
        assert not refused.allowed
        assert 0 < refused.wait <= 0.2
        time.sleep(refused.wait)

        assert bucket.take(key).allowed

    def test_one_key_s_burst_is_not_another_s(self) -> None:
        bucket = TokenBucket("test", size=1, pace=0.1)

        assert bucket.take(str(uuid4())).allowed
        assert bucket.take(str(uuid4())).allowed


def test_a_redis_that_is_away_is_left_alone_for_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def refuse(_alias: str) -> object:
        asked.append(1)
        raise RedisAway

    monkeypatch.setattr(token_bucket, "get_redis_connection", refuse)
    bucket = TokenBucket("test", size=1, pace=1.0)

    for _ in range(3):
        with pytest.raises(BucketAway):
            bucket.take("somebody")

    assert len(asked) == 1
