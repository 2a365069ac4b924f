"""A burst of requests at the API's token bucket, and the edge of a fixed window beside it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from functools import partial
from http import HTTPStatus
from typing import Any, Final, cast
from uuid import UUID

from django_redis import get_redis_connection
from redis.exceptions import RedisError

from cluster.kit.cache_redis import RedisAway
from cluster.storefront.checkout_intake import InvalidRequest
from portfolio.api.burst import SEARCHES, bounded
from portfolio.demos.caller import Answer
from portfolio.demos.controls import Number, Values
from portfolio.demos.demo import Visit, demo
from portfolio.demos.expected import one_of_each
from portfolio.demos.queries import table
from portfolio.demos.result import Check, Result, Side, Table, check, figure, note
from portfolio.edge.token_bucket import TokenBucket

PATH: Final = "/api/v1/search?q=outbox"
WINDOW: Final = 2.0  # seconds: in which the bucket fills, and the naive counter counts
EDGE: Final = 0.15  # seconds before the end of a window

Pass = tuple[float, bool, bool]  # the second, and whether counter and bucket let it pass

PREFIX: Final = "demo-window:"  # of the naive limiter: a counter for each window of time


def redis() -> Any:
    """Return the connection that the site's cache uses."""
    return cast("Any", get_redis_connection("default"))


def now() -> float:
    """Return the time of Redis' clock, in seconds of the epoch."""
    seconds, microseconds = redis().time()
    return float(seconds) + float(microseconds) / 1_000_000


def allowed(run: UUID, *, most: int, window: float, at: float) -> bool:
    """Count one more in the window of `at`, and return whether it is among the first `most`."""
    key = f"{PREFIX}{run}:{int(at // window)}"
    counted = redis().incr(key)
    redis().expire(key, int(window) + 60)
    return bool(counted <= most)


def run(visit: Visit, values: Values) -> Result:
    """Ask many times at once, then send one burst over a window's edge to counter and bucket."""
    count = int(values["requests"])
    began = time.monotonic()
    answers = visit.call.at_once([partial(visit.call, "GET", PATH) for _ in range(count)])
    took = time.monotonic() - began
    passed = [answer for answer in answers if answer.status == HTTPStatus.OK]
    refused = [answer for answer in answers if answer.status == HTTPStatus.TOO_MANY_REQUESTS]
    pause = _retry_after(refused)
    time.sleep(pause)
    again = visit.call("GET", PATH, note=f"Asked again {pause:.0f} s later, as it was told.")
    try:
        edge, spread = _over_the_edge(visit)
    except (RedisError, RedisAway, OSError) as error:
        raise InvalidRequest(
            "Redis, which counts for all web processes, is away; meanwhile nothing is limited."
        ) from error
    counted, taken = sum(one[1] for one in edge), sum(one[2] for one in edge)
    return Result(
        headline=f"Of {count} requests at once {len(passed)} were answered and {len(refused)} "
        f"refused. At the edge of its window a counter let {counted} pass where the bucket let "
        f"{taken}.",
        sides=(
            Side(
                title="The API’s token bucket",
                sentence=f"Each visitor has {SEARCHES.size} tokens, and {SEARCHES.pace:g} more a "
                "second. One script in Redis fills and takes, for all web processes.",
                figures=(
                    figure("Answered with 200", len(passed)),
                    figure("Refused with 429", len(refused)),
                    figure("All within", took, "s"),
                    figure("Asked again after Retry-After", again.status),
                ),
                exchanges=(
                    *one_of_each(
                        (("One that had a token.", passed[-1:]), ("One that had none.", refused))
                    ),
                    again.exchange,
                ),
            ),
            Side(
                title="A counter for each window",
                sentence=f"The same quota as {SEARCHES.size} in {WINDOW:.0f} s. A burst just "
                "before a window ends, and one just after it: the counter begins anew, and the "
                "bucket does not.",
                figures=(
                    figure("Let pass by the counter", counted),
                    figure("Let pass by a bucket", taken),
                    figure("Over", spread, "s"),
                ),
                tables=(_table(edge),),
            ),
        ),
        checks=tuple(_checks(count, took, passed, refused, again, taken=taken, spread=spread)),
    )


def _retry_after(refused: Sequence[Answer]) -> float:
    waits = [int(answer.exchange.response_headers.get("Retry-After", "0")) for answer in refused]
    return float(min(3, max(waits, default=0)))


def _over_the_edge(visit: Visit) -> tuple[list[Pass], float]:
    """Ask for twice the quota, half of it on each side of an edge.

    Returns what counter and bucket decided on each request, and over how many seconds.
    """
    bucket = TokenBucket("demo", SEARCHES.size, SEARCHES.pace)
    window, first = WINDOW, now()
    edge = (first // window + 1) * window
    if edge - first < EDGE:
        edge += window
    time.sleep(max(0.0, edge - EDGE - first))
    seen: list[Pass] = []
    for number in range(2 * SEARCHES.size):
        at = now()
        if number == SEARCHES.size and at < edge:
            time.sleep(edge - at + 0.005)
            at = now()
        by_counter = allowed(visit.run, most=SEARCHES.size, window=window, at=at)
        seen.append((at - edge, by_counter, bucket.take(str(visit.run)).allowed))
    return seen, seen[-1][0] - seen[0][0]


def _table(seen: Sequence[Pass]) -> Table:
    before = [one for one in seen if one[0] < 0]
    after = [one for one in seen if one[0] >= 0]
    columns = ("window", "requests", "from", "until", "counter", "bucket")
    cells = (
        (
            name,
            len(half),
            f"{half[0][0] * 1000:+.0f} ms",
            f"{half[-1][0] * 1000:+.0f} ms",
            sum(one[1] for one in half),
            sum(one[2] for one in half),
        )
        for name, half in (("before the edge", before), ("after it", after))
        if half
    )
    return table("", "The same requests before both, by the side of the edge", columns, cells)


def _checks(
    count: int,
    took: float,
    passed: Sequence[Answer],
    refused: Sequence[Answer],
    again: Answer,
    *,
    taken: int,
    spread: float,
) -> Iterator[Check]:
    most = _most(took)
    if _unlimited(passed):
        yield note(
            "no more pass than there are tokens",
            "Redis was away during the burst, and meanwhile nobody is limited.",
        )
    else:
        yield check(
            "no more pass than there are tokens",
            holds=len(passed) <= most,
            sentence=f"{len(passed)} passed in {took:.2f} s; {most} may.",
        )
    yield check(
        "every request is answered, with what or when",
        holds=len(passed) + len(refused) == count
        and all("Retry-After" in answer.exchange.response_headers for answer in refused)
        and all("RateLimit" in answer.exchange.response_headers for answer in passed),
        sentence=f"{len(passed)} with 200 and RateLimit, {len(refused)} with 429 and Retry-After.",
    )
    yield check(
        "whoever waits as told is served",
        holds=again.status == HTTPStatus.OK,
        sentence=f"Asked again: {again.status}.",
    )
    yield check(
        "the bucket knows no edge",
        holds=taken <= _most(spread),
        sentence=f"{taken} of {2 * SEARCHES.size} passed in {spread:.2f} s; {_most(spread)} may.",
    )


def _unlimited(passed: Sequence[Answer]) -> bool:
    """Return whether an answer shows a bucket that is still full, as while Redis is away."""
    full = f'"{SEARCHES.name}";r={SEARCHES.size}'
    return any(answer.exchange.response_headers.get("RateLimit") == full for answer in passed)


def _most(seconds: float) -> int:
    """Return the most tokens that there can be in that time, from a full bucket on."""
    return SEARCHES.size + int(seconds * SEARCHES.pace) + 1


DEMO: Final = demo(
    "rate-limiter",
    controls=(Number("requests", "Requests at once", 1, 100, 40),),
    run=run,
    code=(TokenBucket, bounded, allowed),
    seconds=8,
)
