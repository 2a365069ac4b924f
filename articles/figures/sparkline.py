"""A small line over time, in the space of a table cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

WIDTH: Final = 160  # pixels of the drawing's own grid
HEIGHT: Final = 28
MARGIN: Final = 2


def points(values: Sequence[tuple[float, float]], *, seconds: float, top: float) -> str:
    """Return pairs of (age in seconds, value) as the points of an SVG polyline, oldest left.

    `top` is the value at the upper edge, so that several lines share one scale.
    """
    top = max(top, 1.0)
    drawn = []
    for age, value in sorted(values, reverse=True):
        if age > seconds:
            continue
        x = MARGIN + (1 - age / seconds) * (WIDTH - 2 * MARGIN)
        y = HEIGHT - MARGIN - min(value, top) / top * (HEIGHT - 2 * MARGIN)
        drawn.append(f"{x:.1f},{y:.1f}")
    return " ".join(drawn)
