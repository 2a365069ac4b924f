"""A small table as SVG with explicit colours, for a figure that leaves the site."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from articles.figures import sparkline

WIDTH: Final = 1104
ROW: Final = 64
MARGIN: Final = 32
COLUMNS: Final = (MARGIN, 150, 640, 850)  # where each of the four columns begins
# Colours of the light theme, see tokens.css.
PAPER: Final = "#e2e7df"
INK: Final = "#17211c"
INK_2: Final = "#46534b"
RULE: Final = "#c3cbc0"
IDLE: Final = "#78847c"
FONT: Final = 'font-family="DM Mono" font-size="26"'
SCALE: Final = 222 / sparkline.WIDTH  # of the sparklines and bars, which fill the last column


@dataclass(frozen=True, slots=True)
class Cell:
    """Words, a line, or a bar, the last two in the grid of `sparkline`."""

    text: str = ""
    strong: bool = False
    points: str = ""
    bar: float | None = None


def standalone_table(head: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """Return the SVG of a table whose rows have one cell for each of COLUMNS."""
    height = MARGIN + ROW * (len(rows) + 1)
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}"><rect width="{WIDTH}" height="{height}" '
        f'fill="{PAPER}"/>'
    )
    parts = [opening]
    parts += [
        f'<text x="{x}" y="{ROW - 16}" font-family="Barlow Condensed" font-size="28" '
        f'fill="{INK_2}">{escape(words)}</text>'
        for x, words in zip(COLUMNS, head, strict=True)
    ]
    for index, row in enumerate(rows, start=1):
        top = ROW * index
        parts.append(f'<path d="M{MARGIN} {top}H{WIDTH - MARGIN}" stroke="{RULE}"/>')
        parts += [_cell(x, top, cell) for x, cell in zip(COLUMNS, row, strict=True)]
    return "".join([*parts, "</svg>"])


def _cell(x: int, top: int, cell: Cell) -> str:
    place = f'transform="translate({x} {top + 12}) scale({SCALE:.3f})"'
    if cell.points:
        return (
            f'<polyline {place} points="{cell.points}" fill="none" stroke="{INK}" '
            'stroke-width="1.5" stroke-linejoin="round"/>'
        )
    if cell.bar is not None:
        return (
            f'<g {place}><rect y="8" width="{sparkline.WIDTH}" height="12" fill="none" '
            f'stroke="{IDLE}"/><rect y="8" width="{cell.bar}" height="12" fill="{INK}"/></g>'
        )
    weight = ' font-weight="600"' if cell.strong else ""
    return f'<text x="{x}" y="{top + 42}" {FONT}{weight} fill="{INK}">{escape(cell.text)}</text>'
