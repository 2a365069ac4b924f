"""A token-bucket limit for requests that are cheap to send and costly to answer.

Unlike `rate_limits.py`, which counts accepted work in the database, the bucket is in Redis. A
caller without a session is limited by address.
Source of the fields: draft-ietf-httpapi-ratelimit-headers.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from ninja.decorators import decorate_view

from cluster.kit.cache_redis import RedisAway
from cluster.kit.visitors import address_key, known_visitor
from portfolio.api.problems import problem_answer, too_many
from portfolio.edge.token_bucket import Taken, TokenBucket

View = Callable[..., HttpResponse]

SEARCHES: Final = TokenBucket("search", size=20, pace=10.0)


def bounded(bucket: TokenBucket) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator that takes a token for each request, or answers 429 without one."""

    def decorate(run: View) -> View:
        @functools.wraps(run)
        def with_token(request: HttpRequest, *arguments: Any, **names: Any) -> HttpResponse:
            taken = _take(bucket, request)
            if taken.allowed:
                response = run(request, *arguments, **names)
            else:
                response = _refusal(request, bucket, taken)
            policy = f'"{bucket.name}";q={bucket.size};w={bucket.window}'
            response.headers["RateLimit-Policy"] = policy
            response.headers["RateLimit"] = _field(bucket, taken)
            return response

        return with_token

    return decorate_view(decorate)


def _take(bucket: TokenBucket, request: HttpRequest) -> Taken:
    """Take one token.

    The bucket counts as full for a caller without a limit, and while Redis is away.
    """
    key = known_visitor(request) or address_key(request)
    try:
        return bucket.take(key) if key else Taken(True, bucket.size, 0.0)
    except RedisAway:
        return Taken(True, bucket.size, 0.0)


def _field(bucket: TokenBucket, taken: Taken) -> str:
    left = f'"{bucket.name}";r={taken.left}'
    return left if taken.allowed else f"{left};t={max(1, math.ceil(taken.wait))}"


def _refusal(request: HttpRequest, bucket: TokenBucket, taken: Taken) -> HttpResponse:
    detail = f"You may ask {bucket.size} times at once, and {bucket.pace:g} times a second then."
    wait = max(1, math.ceil(taken.wait))
    return problem_answer(request, too_many(detail, retry_after=wait))
