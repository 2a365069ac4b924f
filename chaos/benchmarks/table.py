"""A bench's result as tables for people: its medians, each with the runs beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from chaos.benchmarks.document import Figures


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
