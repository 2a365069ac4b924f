"""Drawn distributions: one tick for each run on a common scale, a ring at the median.

Pure functions, without any I/O.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from chaos.reports.recoveries import Recovery

WIDTH: Final = 240.0  # of a strip, in its own units
EDGE: Final = 8.0  # room for the median's ring at both ends
# The possible ends of the scale, in seconds. All strips of a table share one scale.
ENDS: Final = (5, 10, 15, 20, 30, 40, 60, 90, 120, 180)
PARTS: Final = 5  # between its labels


class Scale(msgspec.Struct, frozen=True):
    """The scale that maps seconds, from 0 to `end`, to x."""

    end: int

    def x(self, seconds: float) -> float:
        share = min(seconds, self.end) / self.end
        return round(EDGE + share * (WIDTH - 2 * EDGE), 1)

    @property
    def labels(self) -> tuple[tuple[float, str], ...]:
        step = self.end / PARTS
        return tuple((self.x(step * n), f"{step * n:g}") for n in range(PARTS + 1))


class Strip(msgspec.Struct, frozen=True, kw_only=True):
    """One distribution: x of each run, of the median and of the aim, and the whole in words."""

    ticks: tuple[float, ...]
    median: float | None
    aim: float | None
    grid: tuple[float, ...]
    words: str


def scale_of(found: Iterable[Recovery]) -> Scale:
    """Return the shortest scale that holds every run, or the longest when none does."""
    longest = max((one.longest or 0.0 for one in found), default=0.0)
    return Scale(next((end for end in ENDS if longest <= end), ENDS[-1]))


def strip_of(one: Recovery, scale: Scale) -> Strip:
    """Return the distribution of one experiment's runs."""
    return Strip(
        ticks=tuple(scale.x(seconds) for seconds in one.values),
        median=None if one.median is None else scale.x(one.median),
        aim=None if one.aim is None else scale.x(one.aim),
        grid=tuple(x for x, _ in scale.labels),
        words=_words(one),
    )


def strips(found: Iterable[Recovery]) -> dict[str, Strip]:
    """Return a strip for each experiment, all on one scale."""
    known = list(found)
    scale = scale_of(known)
    return {one.experiment: strip_of(one, scale) for one in known}


def _words(one: Recovery) -> str:
    if one.median is None:
        return "No run has recovered."
    if len(one.values) == 1:
        return f"One run: {one.median:.1f} s."
    return (
        f"{len(one.values)} runs, from {min(one.values):.1f} s to {max(one.values):.1f} s; "
        f"median {one.median:.1f} s."
    )
