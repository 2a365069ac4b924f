"""The bench `verdict`: invariants read in full and from a checkpoint, at histories of three sizes.

A verdict also waits for rest, which takes the same time at any history and is not measured. The
provider's books are kept in memory.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg

from chaos.benchmarks.document import Figures, Result
from chaos.benchmarks.history import KnownBooks, add_checkouts, books_of
from chaos.benchmarks.processor_time import Stopwatch
from chaos.benchmarks.scratch import address, copy_tables, databases
from cluster.health.checkers.audit import examine
from cluster.health.checkers.changes import search_all
from cluster.health.checkers.checkpoint import Checkpoint
from cluster.health.checkers.finding import Outcome
from cluster.health.checkers.narrowed import narrowed
from cluster.health.checkers.snapshot import Snapshots
from cluster.services import load_all
from compose.errors import PlainError
from config.environment import DATABASES

NAME: Final = "verdict"
COUNT: Final = 100_000  # ended checkouts in the longest history
RUNS: Final = 1
CHANGED: Final = 50  # checkouts after the checkpoint, about as many as in an experiment
AT_ONCE: Final = 5_000  # checkouts in a transaction
READINGS: Final = 3  # of each kind, of which the median counts
RATIOS: Final = {
    "incremental_whole_vs_tenth": ("whole.incremental_s", "tenth.incremental_s"),
    "full_whole_vs_tenth": ("whole.full_s", "tenth.full_s"),
    "full_vs_incremental": ("whole.full_s", "whole.incremental_s"),
}


def measure(*, count: int, runs: int, say: Callable[[str], None]) -> Result:
    """Run the bench, with `count` checkouts in the longest history, or raise PlainError."""
    found = []
    for number in range(1, runs + 1):
        with databases() as postgresql:
            copy_tables()
            found.append(_run(count, f"run {number} of {runs}", say))
    return Result.of(NAME, found, versions={"postgresql": postgresql}, ratios=RATIOS)


def _run(count: int, which: str, say: Callable[[str], None]) -> dict[str, Any]:
    figures: dict[str, Any] = {"load_average_before": round(os.getloadavg()[0], 2)}
    ended = 0
    for name, size in (("hundredth", count // 100), ("tenth", count // 10), ("whole", count)):
        say(f"{which}: a history of {size:,} checkouts is made")
        _add(ended + 1, size)
        say(f"{which}: the invariants of {size:,} checkouts are read")
        full, checkpoint = _read_all()
        ended = size + CHANGED
        _add(size + 1, ended)
        figures[name] = {"checkouts": size, **full, **_read_changes(checkpoint)}
    return figures


@dataclass
class Times:
    """The times of some readings, of the clock and of the processors, in seconds."""

    clock: list[float] = field(default_factory=list)
    processors: list[float] = field(default_factory=list)

    @contextmanager
    def measured(self) -> Iterator[None]:
        stopwatch, started = Stopwatch(), time.perf_counter()
        yield
        self.clock.append(time.perf_counter() - started)
        spent = stopwatch.seconds()
        if spent is not None:
            self.processors.append(spent)

    def figures(self, kind: str) -> Figures:
        processors = statistics.median(self.processors) if self.processors else None
        return {
            f"{kind}_s": round(statistics.median(self.clock), 3),
            f"{kind}_processor_s": None if processors is None else round(processors, 2),
        }


def _read_all() -> tuple[Figures, Checkpoint]:
    """Return the times of full verdicts, and the checkpoint of the last one."""
    times = Times()
    for _ in range(READINGS):
        with Snapshots(_connect) as snapshots:
            books = books_of(snapshots)
            with times.measured():
                _examine(snapshots, books)
                checkpoint = search_all(snapshots).checkpoint(by="the bench")
    return times.figures("full"), checkpoint


def _read_changes(since: Checkpoint) -> Figures:
    times = Times()
    for _ in range(READINGS):
        with Snapshots(_connect) as snapshots:
            books = books_of(snapshots)
            with times.measured():
                view, found, reading = narrowed(snapshots, since)
                _examine(view, books)
                if found is None:
                    raise PlainError(reading.sentence)
                found.checkpoint(by="the bench")
    return {**times.figures("incremental"), "changed_rows": reading.rows}


def _examine(snapshots: Snapshots, books: KnownBooks) -> None:
    findings = examine(snapshots, load_all(), books)
    if failed := [finding.name for finding in findings if finding.outcome is Outcome.FAIL]:
        raise PlainError(f"The history of the bench breaks invariants: {', '.join(failed)}.")


def _add(first: int, last: int) -> None:
    connections = {name: _connect(name) for name in DATABASES}
    for start in range(first, last + 1, AT_ONCE):
        add_checkouts(connections, start, min(last, start + AT_ONCE - 1))
    for connection in connections.values():
        connection.autocommit = True
        connection.execute("VACUUM ANALYZE")
        connection.close()


def _connect(name: str) -> psycopg.Connection[Any]:
    return psycopg.connect(**address(name))
