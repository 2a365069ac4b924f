"""Pure functions from time to x: milliseconds to pixels, with idle stretches left out."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

# Milliseconds between two labelled lines, and between two thin ones.
STEPS: Final = (
    (10, 2), (20, 5), (50, 10), (100, 20), (200, 50), (500, 100), (1000, 200), (2000, 500),
    (5000, 1000), (10_000, 2000), (30_000, 5000), (60_000, 10_000), (300_000, 60_000),
)  # fmt: skip
# Pixels between two labelled lines, at least; less where the whole figure is narrow.
LABEL_EVERY: Final = 150
LABEL_EVERY_NARROW: Final = 84
NARROW: Final = 480
NOW_WORDS: Final = 34  # pixels left of the present that the word "now" and half a time take
TIME_LETTER: Final = 6.6  # pixels of one letter of a time

SECOND: Final = 1000
# In a recording, more than three seconds in which nothing happens are shortened to one.
IDLE_FROM: Final = 3000
IDLE_SHOWN: Final = 1000


class Break(msgspec.Struct, frozen=True, array_like=True):
    """A stretch of time that is not drawn, in milliseconds since 1970."""

    begins: int
    ends: int


class Scale(msgspec.Struct, frozen=True):
    """A scale with `origin` at x = 0 and `pixels` for each millisecond."""

    origin: int
    pixels: float
    breaks: tuple[Break, ...] = ()

    def x(self, at: int) -> float:
        """Return the x of a moment, to a tenth of a pixel."""
        passed = squashed(at, self.breaks) - squashed(self.origin, self.breaks)
        return tenth(passed * self.pixels)


class GridLine(msgspec.Struct, frozen=True):
    """A vertical line: a thin one, or a strong one that mostly has a time as its label."""

    x: float
    strong: bool
    label: str


def squashed(at: int, breaks: Iterable[Break]) -> int:
    """Return a moment less all the time that is left out before it."""
    return at - sum(min(at, gap.ends) - gap.begins for gap in breaks if at > gap.begins)


def tenth(value: float) -> float:
    """Return the value rounded to a tenth, halves up, as the code in the browser does."""
    return math.floor(value * 10 + 0.5) / 10


def idle_breaks(moments: Sequence[int], busy: Sequence[tuple[int, int]] = ()) -> tuple[Break, ...]:
    """Return the time to leave out between sorted `moments`, none of it in a `busy` stretch."""
    breaks = []
    for before, after in itertools.pairwise(moments):
        if after - before <= IDLE_FROM or any(b < after and e > before for b, e in busy):
            continue
        breaks.append(Break(before + IDLE_SHOWN // 2, after - IDLE_SHOWN // 2))
    return tuple(breaks)


def grid(
    scale: Scale,
    *,
    begins: int,
    ends: int,
    width: float,
    counted_from: int | None,
    now: int | None,
) -> list[GridLine]:
    """Return the lines from `begins` to `ends`.

    Their labels are the time of day in UTC, or the time since `counted_from`. A line has no
    label near the word "now", which stands at `now`, nor where an edge would cut the label.
    """
    every = LABEL_EVERY_NARROW if width < NARROW else LABEL_EVERY
    labelled, thin = next((s for s in STEPS if s[0] * scale.pixels >= every), STEPS[-1])
    zero = counted_from or 0
    left = scale.x(begins)
    right = left + width
    last = float("inf") if now is None else scale.x(now) - NOW_WORDS
    lines = []
    for at in _multiples(begins - zero, ends - zero, thin):
        if any(gap.begins < at + zero < gap.ends for gap in scale.breaks):
            continue
        x, strong = scale.x(at + zero), at % labelled == 0
        label = _label(at, clock=counted_from is None) if strong and x <= last else ""
        half = len(label) * TIME_LETTER / 2
        lines.append(GridLine(x, strong, label if left + half <= x <= right - half else ""))
    return lines


def clock(at: int) -> str:
    """Return the time of day, UTC."""
    return f"{datetime.fromtimestamp(at // 1000, UTC):%H:%M:%S}"


def clock_to_the_millisecond(at: int) -> str:
    return f"{clock(at)}.{at % 1000:03d}"


def seconds(duration: int) -> str:
    """Return `duration`, in milliseconds, as pages write it: `35 ms`, `1.2 s`."""
    return f"{tenth(duration / SECOND):.1f} s" if duration >= SECOND else f"{duration} ms"


def _multiples(begins: int, ends: int, step: int) -> Iterator[int]:
    yield from range(-(-begins // step) * step, ends + 1, step)


def _label(at: int, *, clock: bool) -> str:
    """Return the time of day, or a duration without a decimal that is 0."""
    if clock:
        return _clock(at)
    if at == 0:
        return "0"
    return f"{at // SECOND} s" if at % SECOND == 0 else seconds(at)


_clock = clock
