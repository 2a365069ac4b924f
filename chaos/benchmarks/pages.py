"""The bench `pages`: the newest article and the first page, beside a bare Django view.

All over HTTP and loopback, in turns of a second or less, so that other work on the
machine affects all three alike. The pages come from the running site and its page cache;
the bare view from a process of the bench's own (`bare_site.py`).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any, Final
from urllib.parse import urlsplit

from chaos.benchmarks.document import Result
from chaos.benchmarks.http_load import Target, figures, send
from compose.errors import PlainError
from compose.ports import choose_ports
from config.environment import ROOT, web_port
from config.waiting import wait_until

NAME: Final = "pages"
COUNT: Final = 2_000  # requests of each page in each run
RUNS: Final = 3
TURNS: Final = 5  # the pages of one run take turns
WARM_UP: Final = 200
START_WITHIN: Final = 15.0  # seconds for the bare process
LOOK_EVERY: Final = 0.05  # seconds
ANSWER_WITHIN: Final = 5.0  # seconds

Measured = tuple[float, list[float]]


def measure(*, count: int, runs: int, say: Callable[[str], None]) -> Result:
    """Run the bench.

    Raises PlainError when the site does not serve, or has no article.
    """
    site = web_port()
    with _bare() as bare:
        targets = {
            "bare_view": Target(bare, "/"),
            "article": Target(site, _newest_article(site)),
            "home": Target(site, "/"),
        }
        say("warming up")
        for target in targets.values():
            send(target, WARM_UP)

        def run(number: int) -> dict[str, Any]:
            found: dict[str, Any] = {"load_average_before": round(os.getloadavg()[0], 2)}
            say(f"run {number} of {runs}: {count} requests of each")
            turns: dict[str, list[Measured]] = {name: [] for name in targets}
            for _ in range(TURNS):
                for name, target in targets.items():
                    turns[name].append(send(target, max(8, count // TURNS)))
            for name, measured in turns.items():
                seconds = sum(part for part, _ in measured)
                found[name] = figures(seconds, [each for _, times in measured for each in times])
            return found

        found = [run(number) for number in range(1, runs + 1)]
    # A page's time as a multiple of a bare view's, by throughput.
    ratios = {
        f"{page}_vs_bare_view": ("bare_view.requests_per_second", f"{page}.requests_per_second")
        for page in ("article", "home")
    }
    versions = {"daphne": version("daphne"), "twisted": version("twisted")}
    return Result.of(NAME, found, versions=versions, ratios=ratios)


def _newest_article(port: int) -> str:
    """Return the path of the newest article, as the site's own feed names it."""
    address = f"http://127.0.0.1:{port}/articles/feed.json"
    try:
        with urllib.request.urlopen(address, timeout=ANSWER_WITHIN) as answer:
            items = json.load(answer)["items"]
    except (OSError, ValueError) as error:
        raise PlainError(
            "The platform does not run, and a bench measures the running one: "
            "start it with `python3 manage.py up`."
        ) from error
    if not items:
        raise PlainError("No article is published, and the bench measures the newest one.")
    return str(urlsplit(items[0]["url"]).path)


@contextmanager
def _bare() -> Iterator[int]:
    """Run the bare process while the block lasts, and yield its port."""
    port = choose_ports(["bare"], {}, taken=web_port())["bare"]
    process = subprocess.Popen(
        [sys.executable, "-m", "chaos.benchmarks.bare_site", str(port)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port, process)
        yield port
    finally:
        process.kill()
        process.communicate()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    failure = PlainError("The bare process of the bench did not begin to serve.")

    def serves() -> bool:
        if process.poll() is not None:
            raise failure
        try:
            send(Target(port, "/"), 8)
        except PlainError:
            return False
        return True

    wait_until(serves, within=START_WITHIN, every=LOOK_EVERY, failure=failure)
