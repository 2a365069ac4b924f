"""A service's figures over the last hour, as lines to draw and as rows of a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Final

from cluster.health.observer.models import Gauge, gauges

SPAN: Final = timedelta(minutes=60)
BIN: Final = timedelta(minutes=5)  # one row of the table
# Points come every ten seconds: a longer silence is a gap, not a straight line.
GAP: Final = timedelta(seconds=30)

# The drawing's own units. The page stretches it to the width there is.
WIDTH: Final = 360
HEIGHT: Final = 64


@dataclass(frozen=True)
class Curve:
    """One quantity. `lines` are points of SVG polylines, one for each stretch without a gap."""

    title: str
    unit: str
    lines: list[str]
    highest: float
    highest_at: datetime
    middle: float

    @property
    def sentence(self) -> str:
        """The curve in words, for readers who do not see it."""
        return (
            f"In the middle {_number(self.middle)}{self.unit}, at most "
            f"{_number(self.highest)}{self.unit} at {self.highest_at:%H:%M:%S} UTC."
        )


@dataclass(frozen=True)
class Row:
    """The highest values within one BIN, with None where nothing was measured."""

    begins: datetime
    sent: float | None
    received: float | None
    queued: float | None
    outbox: float | None


@dataclass(frozen=True)
class Course:
    curves: list[Curve]
    rows: list[Row]


def course_of(service: str, now: datetime) -> Course | None:
    """Return the last hour of a service, or None when nothing was measured.

    Raises django.db.Error.
    """
    points = gauges(service, SPAN / timedelta(minutes=1))
    if not points:
        return None
    drawn = (
        _curve("Messages out", " a second", points, now, lambda it: it.published_per_second),
        _curve("Messages in", " a second", points, now, lambda it: it.consumed_per_second),
        _curve("Waiting in queue and outbox", "", points, now, _waiting),
    )
    return Course([curve for curve in drawn if curve is not None], _rows(points, now))


def _waiting(point: Gauge) -> float | None:
    if point.queue_depth is None or point.outbox is None:
        return None
    return point.queue_depth + point.outbox


def _curve(
    title: str,
    unit: str,
    points: Sequence[Gauge],
    now: datetime,
    value: Callable[[Gauge], float | None],
) -> Curve | None:
    measured = [(point.at, found) for point in points if (found := value(point)) is not None]
    if not measured:
        return None
    highest_at, highest = max(measured, key=lambda pair: pair[1])
    scale = max(highest, 1.0)
    lines: list[list[str]] = []
    before: datetime | None = None
    for at, found in measured:
        if before is None or at - before > GAP:
            lines.append([])
        x = WIDTH * (1 - (now - at) / SPAN)
        lines[-1].append(f"{x:.1f},{HEIGHT * (1 - found / scale):.1f}")
        before = at
    return Curve(
        title=title,
        unit=unit,
        # A polyline of one point draws nothing.
        lines=[" ".join(line * 2 if len(line) == 1 else line) for line in lines],
        highest=highest,
        highest_at=highest_at,
        middle=median(found for _, found in measured),
    )


def _rows(points: Sequence[Gauge], now: datetime) -> list[Row]:
    """Return one row for each BIN, the newest first."""
    rows = []
    for number in range(int(SPAN / BIN)):
        begins, ends = now - BIN * (number + 1), now - BIN * number
        within = [point for point in points if begins < point.at <= ends]
        rows.append(
            Row(
                begins=begins,
                sent=_most([point.published_per_second for point in within]),
                received=_most([point.consumed_per_second for point in within]),
                queued=_most([point.queue_depth for point in within]),
                outbox=_most([point.outbox for point in within]),
            )
        )
    return rows


def _most(values: Sequence[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


def _number(value: float) -> str:
    return f"{value:.0f}" if value == round(value) else f"{value:.1f}"
