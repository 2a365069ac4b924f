"""The token bucket serves a burst, then a steady rate, and gives no token twice."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from portfolio.edge.token_bucket import TokenBucket


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
