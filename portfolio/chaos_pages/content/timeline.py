"""The timeline of an incident, inject → detect → … → verify, as a bar and as rows.

Pure functions, without any I/O.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

import msgspec

from chaos.experiments.incident import IncidentDocument

WIDTHS: Final = {"large": 1056.0, "small": 358.0}
SIDE: Final = 14.0  # left and right of the line
LINE_Y: Final = 84.0
ROWS: Final = (66.0, 48.0, 30.0, 12.0)  # baselines of the labels above the line, the nearest first
LETTER: Final = 6.9  # pixels for each character of the words
GAP: Final = 10.0
LABELLED_EVERY: Final = 60.0  # pixels between two labelled seconds, at least
SECONDS: Final = (1, 2, 5, 10, 20, 30, 60, 120)

MEANING: Final = {
    "injected": "the fault was put in",
    "detected": "the observer noticed",
    "degraded": "the first promise of the hypothesis did not hold",
    "healed": "the fault was taken back",
    "first success": "a checkout accepted after the fault completed",
    "recovered": "every process did its work again",
    "drained": "all that had been accepted before the recovery had ended",
    "consistent": "no difference was left between the services",
    "verified": "every invariant had been checked",
}
TROUBLED: Final = frozenset({"injected", "detected", "degraded"})


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """One mark. `after` counts from the injection, in seconds."""

    label: str
    meaning: str
    at: datetime
    after: float
    number: int


class Label(msgspec.Struct, frozen=True, kw_only=True):
    """The position of a mark and its words. `shape` is a class of the style sheet."""

    x: float
    y: float
    anchor: str
    words: str
    shape: str


class Axis(msgspec.Struct, frozen=True):
    """The axis that maps seconds after the injection to x."""

    begins: float
    ends: float
    width: float

    @property
    def pixels(self) -> float:
        return (self.width - 2 * SIDE) / (self.ends - self.begins)

    def x(self, after: float) -> float:
        return round(SIDE + (after - self.begins) * self.pixels, 1)

    def seconds(self) -> Iterator[tuple[float, str]]:
        """Yield the x and the words of each label below the line."""
        step = next((s for s in SECONDS if s * self.pixels >= LABELLED_EVERY), SECONDS[-1])
        for at in range(0, int(self.ends) + 1, step):
            yield self.x(at), f"{at} s" if at else "0"


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """One drawing: the bracket from injection to recovery, the marks, and seconds on the line."""

    size: str
    width: float
    line_y: float
    bracket_x: float
    bracket_width: float
    closed: bool
    labels: tuple[Label, ...]
    seconds: tuple[tuple[float, str], ...]


def moments(document: IncidentDocument) -> list[Moment]:
    """Return the marks in the order of time, counted from the injection."""
    marks = sorted(document.marks, key=lambda mark: mark.at)
    if not marks:
        return []
    zero = next((mark.at for mark in marks if mark.label == "injected"), marks[0].at)
    origin = datetime.fromisoformat(zero)
    return [
        Moment(
            label=mark.label,
            meaning=MEANING.get(mark.label, ""),
            at=datetime.fromisoformat(mark.at),
            after=round((datetime.fromisoformat(mark.at) - origin).total_seconds(), 3),
            number=number,
        )
        for number, mark in enumerate(marks, 1)
    ]


def bars(found: Sequence[Moment]) -> tuple[Bar, ...]:
    """Return the bar in each width, none without two moments that differ."""
    if len(found) < 2 or found[-1].after <= 0:  # noqa: PLR2004  (a line has two ends)
        return ()
    return tuple(_bar(found, size, width) for size, width in WIDTHS.items())


def _bar(found: Sequence[Moment], size: str, width: float) -> Bar:
    axis = Axis(min(0.0, found[0].after), found[-1].after, width)
    by_label = {moment.label: moment.after for moment in found}
    recovered = by_label.get("recovered")
    end = found[-1].after if recovered is None else recovered
    return Bar(
        size=size,
        width=width,
        line_y=LINE_Y,
        bracket_x=axis.x(0.0),
        bracket_width=round(max(axis.x(end) - axis.x(0.0), 3.0), 1),
        closed=recovered is not None,
        labels=tuple(_labels(found, axis, short=size == "small")),
        seconds=tuple(axis.seconds()),
    )


def _labels(found: Sequence[Moment], axis: Axis, *, short: bool) -> Iterator[Label]:
    taken = dict.fromkeys(ROWS, float("-inf"))
    for moment in found:
        at = axis.x(moment.after)
        words = f"{moment.label} +{moment.after:.1f} s" if moment.after else moment.label
        if short:
            words = str(moment.number)
        room = len(words) * LETTER
        anchor = "end" if at + room > axis.width else "start"
        left = at - room if anchor == "end" else at
        row = next((y for y in ROWS if taken[y] <= left), ROWS[-1])
        taken[row] = left + room + GAP
        yield Label(x=at, y=row, anchor=anchor, words=words, shape=_shape(moment))


def _shape(moment: Moment) -> str:
    if moment.label in TROUBLED:
        return "trouble"
    return "ring" if moment.label == "recovered" else "calm"
