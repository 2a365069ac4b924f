"""The table of benches: a name, a summary, and the function that measures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from chaos.benchmarks import commit, dual_write, overload, pages, pipeline, rotation, verdict
from chaos.benchmarks.document import Result


@dataclass(frozen=True)
class Options:
    """The options that the command line gives a bench, with None for the bench's default."""

    count: int | None = None
    runs: int | None = None
    seconds: int | None = None


# Reports the current step in a few words.
Say = Callable[[str], None]


@dataclass(frozen=True)
class Bench:
    """One bench, whose `measure` raises PlainError when it cannot run."""

    summary: str
    measure: Callable[[Options, Say], Result]


BENCHES: Final[Mapping[str, Bench]] = MappingProxyType(
    {
        "pipeline": Bench(
            summary="checkouts through outbox, broker and inbox, beside two baselines",
            measure=lambda options, say: pipeline.measure(
                count=options.count or pipeline.COUNT, runs=options.runs or pipeline.RUNS, say=say
            ),
        ),
        "overload": Bench(
            summary="up to ten times what the pipeline can do: goodput, refusals, latency, memory",
            measure=lambda options, say: overload.measure(
                count=options.count or overload.COUNT,
                runs=options.runs or overload.RUNS,
                seconds=options.seconds or overload.SECONDS,
                say=say,
            ),
        ),
        "dual-write": Bench(
            summary="kill a writer again and again: publishing beside a commit, and an outbox",
            measure=lambda options, say: dual_write.measure(
                count=options.count or dual_write.KILLS,
                runs=options.runs or dual_write.RUNS,
                say=say,
            ),
        ),
        "rotation": Bench(
            summary="credentials rotated and revoked, and the provider's keys rotated, under load",
            measure=lambda options, say: rotation.measure(
                count=options.count or rotation.ROTATIONS,
                runs=options.runs or rotation.RUNS,
                say=say,
            ),
        ),
        "commit": Bench(
            summary="a transfer between two databases, by two-phase commit and by saga steps",
            measure=lambda options, say: commit.measure(
                count=options.count or commit.COUNT, runs=options.runs or commit.RUNS, say=say
            ),
        ),
        "pages": Bench(
            summary="an article and the first page from the page cache, beside a bare Django view",
            measure=lambda options, say: pages.measure(
                count=options.count or pages.COUNT, runs=options.runs or pages.RUNS, say=say
            ),
        ),
        "verdict": Bench(
            summary="a verdict that reads all rows, and one from a checkpoint, by history",
            measure=lambda options, say: verdict.measure(
                count=options.count or verdict.COUNT, runs=options.runs or verdict.RUNS, say=say
            ),
        ),
    }
)
