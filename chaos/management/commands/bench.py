"""`manage.py bench NAME`: measure the running platform, see chaos/benchmarks."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandParser
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from chaos.benchmarks.document import Figures
from chaos.benchmarks.registry import BENCHES, Options
from cluster.operations.arguments import whole_number
from cluster.operations.errors import plain_errors
from compose.errors import Misuse

# Fewer give no figure; more could sell faster than the stock is refilled.
FEWEST: Final = 10
MOST: Final = 5_000
MOST_RUNS: Final = 20
MOST_SECONDS: Final = 600


class Command(BaseCommand):
    """Exit status: 0 when measured, 1 when it could not be, 2 for misuse."""

    help = "Measure the running platform: " + "; ".join(
        f"{name}: {bench.summary}" for name, bench in BENCHES.items()
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        count = whole_number("count", least=FEWEST, most=MOST)
        runs = whole_number("number of runs", least=1, most=MOST_RUNS)
        seconds = whole_number("number of seconds", least=1, most=MOST_SECONDS)
        parser.add_argument("name", help=f"one of: {', '.join(BENCHES)}")
        parser.add_argument("--json", action="store_true", help="one JSON document")
        parser.add_argument("--count", type=count, metavar="N", help="how much in each run")
        parser.add_argument("--runs", type=runs, metavar="N", help="how many runs")
        parser.add_argument(
            "--seconds", type=seconds, metavar="S", help="how long each load lasts (overload)"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        bench = BENCHES.get(options["name"])
        if bench is None:
            raise Misuse(f"There is no bench {options['name']!r}; there is: {', '.join(BENCHES)}.")
        # Ends like Ctrl-C, so that its databases, queues and workers are removed too.
        signal.signal(signal.SIGTERM, _interrupt)
        # Progress goes to standard error, so standard output has only the result.
        progress = Console(stderr=True, highlight=False)
        with plain_errors(), progress.status("Preparing …") as status:

            def say(what: str) -> None:
                status.update(f"{what[:1].upper()}{what[1:]} …")
                if not progress.is_terminal:
                    progress.print(what)

            asked = Options(
                count=options["count"], runs=options["runs"], seconds=options["seconds"]
            )
            document = bench.measure(asked, say).as_json()
        if options["json"]:
            self.stdout.write(json.dumps(document, indent=2))
        else:
            Console(highlight=False).print(render(document))


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def render(document: Mapping[str, Any]) -> RenderableType:
    """Return the document that `--json` would print, as tables."""
    runs = document["runs"]
    table = Table(title=f"bench {document['bench']}", title_justify="left")
    table.add_column("figure")
    table.add_column("median", justify="right", style="bold")
    for number in range(1, len(runs) + 1):
        table.add_column(f"run {number}", justify="right")
    flat = [dict(_flat(run)) for run in runs]
    for name, median in _flat(document["medians"]):
        table.add_row(name, _number(median), *(_number(run[name]) for run in flat))
    for name, ratio in document["ratios"].items():
        table.add_row(name, f"{ratio} x")
    machine, versions = document["machine"], document["versions"]
    return Group(
        table,
        Text(
            f"{machine['cores']} cores of {machine['cpu']}, {machine['memory_mb']} MB, "
            f"Linux {machine['kernel']}"
        ),
        Text(", ".join(f"{name} {number}" for name, number in versions.items())),
    )


def _flat(figures: Figures, prefix: str = "") -> Iterator[tuple[str, float | None]]:
    for name, figure in figures.items():
        if isinstance(figure, Mapping):
            yield from _flat(figure, f"{prefix}{name} ")
        else:
            yield prefix + name.replace("_", " "), figure


def _number(figure: float | None) -> str:
    if figure is None:
        return "–"
    return f"{figure:,.1f}" if isinstance(figure, float) else f"{figure:,}"
