"""Many readers of an expired cache entry, with the site's lock in Redis and without it.

The cache, its lock and the computation are those of `/api/v1/products/{sku}/statistics`.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from django.db import connection

from cluster.storefront.queries import sales_of
from portfolio.api.product_cache import Kind, ProductCache, Served
from portfolio.demos.controls import Number, Values
from portfolio.demos.demo import Visit, demo
from portfolio.demos.queries import table
from portfolio.demos.result import Check, Result, Side, check, figure, note
from portfolio.demos.sagas import USUAL

# A kind of its own, so that the demo touches no other entry. Each run has its own keys.
DEMONSTRATION: Final = Kind("demonstration", 2.0)
HOW: Final = {
    Served.HIT: "found it",
    Served.COMPUTED: "computed it",
    Served.COLLAPSED: "waited for it",
    Served.IMPATIENT: "waited in vain, and computed it",
    Served.REDIS_AWAY: "got no answer of Redis, and computed it",
}
COMPUTING: Final = (Served.COMPUTED, Served.IMPATIENT, Served.REDIS_AWAY)


@dataclass(frozen=True, slots=True)
class Told:
    """One reader's answer: how it was served, when it was computed, and how many ms it took."""

    served: Served
    computed_at: str
    took: float


def run(visit: Visit, values: Values) -> Result:
    """Let all readers ask at once for an entry that is not cached, with the lock and without."""
    readers = int(values["readers"])
    locked = _at_once(readers, f"{visit.run} with", locked=True)
    naive = _at_once(readers, f"{visit.run} without", locked=False)
    return Result(
        headline=f"{readers} readers at once: computed {_times(_computed(locked))} with the "
        f"lock, {_times(_computed(naive))} without.",
        sides=(
            _side(
                "With the lock in Redis",
                "One reader wins the right to compute; the others wait until its answer is kept. "
                "The lock ends by itself, should its holder die.",
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


def _at_once(readers: int, key: str, *, locked: bool) -> list[Told]:
    """Return the readers' answers, each by a cache object of its own, as each web process has."""
    gate = threading.Barrier(readers)

    def one(_: int) -> Told:
        copies = ProductCache()
        gate.wait()
        began = time.monotonic()
        try:
            copy = copies.get(DEMONSTRATION, key, lambda: sales_of(USUAL), locked=locked)
        finally:
            connection.close()  # this thread's
        return Told(copy.served, copy.value["computed_at"], (time.monotonic() - began) * 1000)

    with ThreadPoolExecutor(readers) as pool:
        return list(pool.map(one, range(readers)))


def _computed(told: Sequence[Told]) -> int:
    return sum(one.served in COMPUTING for one in told)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _side(title: str, sentence: str, told: Sequence[Told]) -> Side:
    served = Counter(one.served for one in told)
    times = sorted(one.took for one in told)
    cells = (
        (HOW[how], count, f"{max(one.took for one in told if one.served is how):.0f} ms")
        for how, count in served.most_common()
    )
    return Side(
        title=title,
        sentence=sentence,
        figures=(
            figure("Computed", _computed(told)),
            figure("Half of them answered within", times[len(times) // 2], "ms"),
            figure("The last one after", times[-1], "ms"),
        ),
        tables=(
            table(
                "", "How the readers came to their answer", ("how", "readers", "the slowest"), cells
            ),
        ),
    )


def _checks(locked: Sequence[Told], naive: Sequence[Told]) -> Iterator[Check]:
    alone = sum(one.served is Served.REDIS_AWAY for one in locked)
    if alone:
        yield note(
            "without Redis, everybody is answered",
            f"Redis answered {alone} of {len(locked)} readers nothing, so they read the "
            "database. A cache may be away; an answer may not.",
        )
    else:
        yield from _checks_of_lock(locked)
    yield note(
        "without the lock, for comparison",
        f"{_computed(naive)} of {len(naive)} computed the same.",
    )


def _checks_of_lock(locked: Sequence[Told]) -> Iterator[Check]:
    computing = sum(one.served is Served.COMPUTED for one in locked)
    patient = [one for one in locked if one.served is not Served.IMPATIENT]
    gave_up = len(locked) - len(patient)
    yield check(
        "with the lock one reader computes",
        holds=computing == 1,
        sentence=f"{computing} of {len(locked)} held the lock and computed; {gave_up} waited too "
        "long and computed for themselves.",
    )
    answers = len({one.computed_at for one in patient})
    yield check(
        "all of them have its answer",
        holds=answers == 1,
        sentence=f"{len(patient)} readers, {answers} different answers.",
    )


DEMO: Final = demo(
    "cache-stampede",
    controls=(Number("readers", "Readers at once", 2, 24, 12),),
    run=run,
    code=(ProductCache, sales_of, run),
    seconds=5,
)
