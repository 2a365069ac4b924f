"""A key that many want has ended: who computes it anew, with the site's lock in Redis and without.

The lock, the waiting and the store are those of the site's own page cache.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import msgspec

from portfolio.demos.controls import Number, Values
from portfolio.demos.demo import Demo, Visit
from portfolio.demos.reading import read
from portfolio.demos.result import Check, Result, Side, Table, check, figure
from portfolio.requests import InvalidRequest
from portfolio.web.page_store import Page, PageStore, StoreAway

LIFETIME: Final = 2.0  # seconds that the store keeps it
# What the page shows: how many messages of each type the journal has heard in the last hour.
COMPUTED: Final = """
    SELECT type, count(*)::bigint FROM journal
     WHERE recorded_at > now() - interval '1 hour' GROUP BY type ORDER BY type
"""


@dataclass(frozen=True, slots=True)
class Told:
    """What one reader came to: how, its answer's digest, and after how many milliseconds."""

    how: str
    etag: str
    took: float


STORE, COMPUTING, WAITED, OUTWAITED = "found it", "computed it", "waited for it", "waited in vain"


def run(visit: Visit, values: Values) -> Result:
    """Let them all ask at the same moment for a key that is not there, one way and the other."""
    readers = int(values["readers"])
    try:
        locked = _at_once(readers, f"demo {visit.run} with", _with_lock)
        naive = _at_once(readers, f"demo {visit.run} without", _without_lock)
    except StoreAway as error:
        raise InvalidRequest(
            "Redis is away; meanwhile every request computes its page itself."
        ) from error
    computed, stampede = _computed(locked), _computed(naive)
    return Result(
        headline=f"{readers} readers at once: computed {_times(computed)} with the "
        f"lock, {_times(stampede)} without.",
        sides=(
            _side(
                "With the lock in Redis",
                "One reader wins the right to compute; the others wait until its answer is in the "
                "store. The lock ends by itself, should its holder die.",
                locked,
            ),
            _side(
                "Without it",
                "Whoever does not find it computes it: the database gets them all, at the moment "
                "at which it is busiest.",
                naive,
            ),
        ),
        checks=tuple(_checks(locked, naive)),
    )


def _at_once(
    readers: int, key: str, ask: Callable[[PageStore, str], tuple[str, Page]]
) -> list[Told]:
    """Each reader with a store object of its own, as each web process has one."""
    gate = threading.Barrier(readers)

    def one(_: int) -> Told:
        store = PageStore()
        gate.wait()
        began = time.monotonic()
        how, page = ask(store, key)
        return Told(how, page.etag, (time.monotonic() - began) * 1000)

    with ThreadPoolExecutor(readers) as pool:
        return list(pool.map(one, range(readers)))


def _with_lock(store: PageStore, key: str) -> tuple[str, Page]:
    """As `portfolio.web.page_cache` does it."""
    version, page = store.read(key)
    if page is not None:
        return STORE, page
    token = store.lock(key)
    if token is None:
        page = store.wait(key)
        if page is not None:
            return WAITED, page
        return OUTWAITED, _compute(version)
    try:
        # Between the look and the lock another may have computed it and let go.
        _, page = store.read(key)
        if page is not None:
            return STORE, page
        built = _compute(version)
        store.write(key, built, lifetime=LIFETIME)
        return COMPUTING, built
    finally:
        store.unlock(key, token)


def _without_lock(store: PageStore, key: str) -> tuple[str, Page]:
    version, page = store.read(key)
    if page is not None:
        return STORE, page
    built = _compute(version)
    store.write(key, built, lifetime=LIFETIME)
    return COMPUTING, built


def _compute(version: int) -> Page:
    body = msgspec.json.encode(read("site", COMPUTED))
    return Page(
        version=version,
        built_at=time.time(),
        etag=hashlib.sha256(body).hexdigest()[:12],
        content_type="application/json",
        bodies={"": body},
        headers={},
    )


def _computed(told: Sequence[Told]) -> int:
    return sum(one.how in (COMPUTING, OUTWAITED) for one in told)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _side(title: str, sentence: str, told: Sequence[Told]) -> Side:
    hows = Counter(one.how for one in told)
    times = sorted(one.took for one in told)
    return Side(
        title=title,
        sentence=sentence,
        figures=(
            figure("Computed", _computed(told)),
            figure("Half of them answered within", times[len(times) // 2], "ms"),
            figure("The last one after", times[-1], "ms"),
        ),
        tables=(
            Table(
                caption="How the readers came to their answer",
                database="",
                columns=("how", "readers", "the slowest"),
                rows=tuple(
                    (how, str(count), f"{max(o.took for o in told if o.how == how):.0f} ms")
                    for how, count in hows.most_common()
                ),
            ),
        ),
    )


def _checks(locked: Sequence[Told], naive: Sequence[Told]) -> Iterator[Check]:
    computing = sum(one.how == COMPUTING for one in locked)
    gave_up = sum(one.how == OUTWAITED for one in locked)
    yield check(
        "with the lock one reader computes",
        holds=computing == 1,
        sentence=f"{computing} of {len(locked)} held the lock and computed; {gave_up} waited too "
        "long and computed for themselves.",
    )
    answers = {one.etag for one in locked if one.how != OUTWAITED}
    yield check(
        "all of them have its answer",
        holds=len(answers) == 1,
        sentence=f"{len(locked) - gave_up} readers, {len(answers)} different answers.",
    )
    yield Check(
        name="without it, for comparison",
        outcome="info",
        sentence=f"{_computed(naive)} of {len(naive)} computed the same.",
    )


DEMO: Final = Demo(
    slug="cache-stampede",
    title="A cache stampede",
    service="site",
    lead="A page that everybody wants has just ended in the cache. Without care each request "
    "builds it anew, all at once. The site’s page cache lets one build it, by a lock in Redis "
    "that all web processes share, while the others wait for a moment.",
    watch=(
        "How often the database was asked: once with the lock.",
        "Those who waited: they were answered as soon as the one had computed it.",
        "Should the holder die, its lock ends by itself; who has waited too long computes.",
    ),
    controls=(Number("readers", "Readers at once", 2, 24, 12),),
    run=run,
    sources=(
        "portfolio.web.page_store:PageStore",
        "portfolio.web.page_cache",
        "portfolio.demos.cache_stampede",
    ),
    experiment="kill-redis",
    seconds=5,
)
