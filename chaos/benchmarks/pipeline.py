"""The bench `pipeline`: real checkouts through the platform, beside two baselines.

Each run measures, one after another on the same machine and servers: a checkout on the
idle cluster, a load of checkouts through the platform, the same load through the Celery
baseline, and the bare limit. docs/adr/0008-benchmarks.md describes the work of each.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Final

from chaos.benchmarks.bare import bare_limit
from chaos.benchmarks.checkouts import Shop
from chaos.benchmarks.document import Result
from chaos.benchmarks.naive.flow import naive_checkouts
from chaos.benchmarks.scratch import broker_version, databases

NAME: Final = "pipeline"
COUNT: Final = 1_000  # checkouts in each run
RUNS: Final = 3
WARM_UP: Final = 50  # checkouts before the first run: prepared statements, caches
IDLE: Final = 100  # checkouts one after another
SETTLE: Final = 1.0  # seconds between two measurements, for late work of the first


def measure(*, count: int, runs: int, say: Callable[[str], None]) -> Result:
    """Run the bench.

    Raises PlainError when the platform does not run or does not keep up.
    """
    with ExitStack() as stack:
        postgresql = stack.enter_context(databases())
        shop = Shop()
        stack.callback(shop.close)
        say("starting the workers of the Celery baseline")
        naive = stack.enter_context(naive_checkouts())
        bare = stack.enter_context(bare_limit())
        say("warming up")
        warm_up = min(WARM_UP, count)
        shop.measure_load(warm_up)
        naive.measure(warm_up)
        bare.measure(warm_up)

        def run(number: int) -> dict[str, Any]:
            load = round(os.getloadavg()[0], 2)
            figures: dict[str, Any] = {"load_average_before": load}
            for name, flow, size in (
                ("idle", shop.measure_idle, min(IDLE, count)),
                ("pipeline", shop.measure_load, count),
                ("naive_celery", naive.measure, count),
                ("bare_limit", bare.measure, count),
            ):
                say(f"run {number} of {runs}: {size} checkouts, {name.replace('_', ' ')}")
                time.sleep(SETTLE)
                figures[name] = flow(size)
            return figures

        found = [run(number) for number in range(1, runs + 1)]
        versions = {"postgresql": postgresql, "rabbitmq": broker_version()}
    ours = "pipeline.checkouts_per_second"
    ratios = {
        "vs_naive_celery": (ours, "naive_celery.checkouts_per_second"),
        "vs_bare_limit": (ours, "bare_limit.checkouts_per_second"),
    }
    return Result.of(NAME, found, versions=versions, ratios=ratios)
