"""A small table as SVG with explicit colours, for a figure that leaves the site."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.template.loader import render_to_string

from articles.figures import sparkline

ROW: Final = 64
COLUMNS: Final = (32, 150, 640, 850)  # where each of the four columns begins
# Of the sparklines and bars, which fill the last column.
SCALE: Final = f"{222 / sparkline.WIDTH:.3f}"


@dataclass(frozen=True, slots=True)
class Cell:
    """Words, a line, or a bar, the last two in the grid of `sparkline`."""

    text: str = ""
    strong: bool = False
    points: str = ""
    bar: float | None = None


def standalone_table(head: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """Return the SVG of a table whose rows have one cell for each of COLUMNS."""
    context = {
        "height": COLUMNS[0] + ROW * (len(rows) + 1),
        "head": list(zip(COLUMNS, head, strict=True)),
        "rows": [
            (ROW * number, list(zip(COLUMNS, row, strict=True)))
            for number, row in enumerate(rows, start=1)
        ],
        "width": sparkline.WIDTH,
        "scale": SCALE,
    }
    return render_to_string("articles/figures/standalone.svg", context)
