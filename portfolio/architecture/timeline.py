"""The last ten minutes of a node: outages as brackets on a rail, and numbers as small curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from cluster.health.observer.models import Gauge
from cluster.health.observer.snapshot import OutageSpan, Snapshot
from portfolio.architecture.queries import FORMS, NOTHING

WINDOW: Final = timedelta(minutes=10)  # of outages in the observer's snapshot
# Units of a curve; the page stretches it to the width there is.
CURVE_WIDTH: Final = 600
CURVE_HEIGHT: Final = 40
# A curve is interrupted where nothing was measured for so long.
GAP: Final = timedelta(seconds=30)

CURVES: Final = (
    ("published_per_second", "published", "rate"),
    ("consumed_per_second", "applied", "rate"),
    ("outbox", "waiting in the outbox", "n"),
    ("queue_depth", "waiting in the queue", "n"),
)


@dataclass(frozen=True, slots=True)
class Bracket:
    """An outage on a rail of 100 units, which are the ten minutes until now."""

    x: float
    width: float
    outage: OutageSpan

    @property
    def end(self) -> float:
        return round(self.x + self.width, 2)

    @property
    def words(self) -> str:
        seconds = self.outage.seconds
        return f"{self.outage.cause}, " + ("still out" if seconds is None else f"+{seconds:.1f} s")


@dataclass(frozen=True, slots=True)
class Rail:
    """One process over the last ten minutes."""

    process: str
    brackets: tuple[Bracket, ...]


@dataclass(frozen=True, slots=True)
class Curve:
    """A number over the last ten minutes: its lines, and its least, highest and last value."""

    name: str
    paths: tuple[str, ...]
    least: str
    most: str
    last: str


def rails(processes: Sequence[str], snapshot: Snapshot) -> list[Rail]:
    """Return the processes' last ten minutes, with the outages of the snapshot."""
    now = datetime.fromisoformat(snapshot.at)
    return [
        Rail(
            process,
            tuple(_bracket(span, now) for span in snapshot.outages if span.process == process),
        )
        for process in processes
    ]


def _bracket(span: OutageSpan, now: datetime) -> Bracket:
    whole = WINDOW.total_seconds()
    began = (now - datetime.fromisoformat(span.began)).total_seconds()
    ended = (now - datetime.fromisoformat(span.ended)).total_seconds() if span.ended else 0.0
    x = max(0.0, 100 - 100 * began / whole)
    return Bracket(round(x, 2), round(max(0.3, 100 - 100 * ended / whole - x), 2), span)


def curves(service: str) -> list[Curve]:
    """Return a service's numbers over the last ten minutes. Raises django.db.Error.

    A number that was measured less than twice in that time has no curve.
    """
    now = datetime.now(UTC)
    gauges = list(Gauge.objects.filter(service=service, at__gte=now - WINDOW).order_by("at"))
    found = []
    for field, name, form in CURVES:
        points = [(g.at, getattr(g, field)) for g in gauges if getattr(g, field) is not None]
        if len(points) > 1:
            found.append(_curve(name, form, points, now))
    return found


def _curve(name: str, form: str, points: Sequence[tuple[datetime, float]], now: datetime) -> Curve:
    values = [value for _, value in points]
    top = max(*values, 1)
    paths: list[str] = []
    before: datetime | None = None
    for at, value in points:
        x = round(CURVE_WIDTH * (1 - (now - at) / WINDOW), 1)
        y = round(CURVE_HEIGHT - 2 - (CURVE_HEIGHT - 4) * value / top, 1)
        if before is None or at - before > GAP:
            paths.append(f"M{x} {y}")
        else:
            paths[-1] += f"L{x} {y}"
        before = at
    show = FORMS.get(form, lambda _: NOTHING)
    return Curve(name, tuple(paths), show(min(values)), show(max(values)), show(values[-1]))
