"""The waterfall: a trace's rows over time, as one SVG that is as wide as its column.

Positions in time are percentages, so that only the time is scaled. Each stage has a shape:
hollow in the outbox, a line in the broker, filled in the handler, a tick when the journal had it.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final, Protocol

from portfolio.traces.tree import Segment, Stage

ROW: Final = 32  # pixels: a line of words, and a bar below it
AXIS: Final = 24
BAR: Final = 9
TURN: Final = 50.0  # per cent; the label of a row that begins further right ends where its bar ends
LEAST: Final = 0.4  # per cent of the width that a bar has at least
STEPS: Final = (1, 2, 5)  # of the axis
MOST_MARKS: Final = 5


class Drawn(Protocol):
    """A row that the picture can show: a trace's (`tree.Row`), or a demo's own."""

    @property
    def code(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def segments(self) -> Sequence[Segment]: ...
    @property
    def start(self) -> int: ...
    @property
    def error(self) -> str: ...


def draw(rows: Sequence[Drawn], *, start: int, end: int) -> str:
    """Return the SVG of the rows from `start` to `end` (ns of the epoch)."""
    span = max(1, end - start)
    height = AXIS + ROW * len(rows) + 4
    words = (
        f"{len(rows)} rows over {span / 1_000_000:.0f} milliseconds. The tables below say the same."
    )
    return "".join(
        [
            f'<svg class="waterfall" width="100%" height="{height}" role="img" ',
            'aria-labelledby="waterfall-title waterfall-words">',
            '<title id="waterfall-title">Waterfall of the trace</title>',
            f'<desc id="waterfall-words">{escape(words)}</desc>',
            *_axis(span, height),
            *(_row(row, AXIS + ROW * n, start, span) for n, row in enumerate(rows)),
            "</svg>",
        ]
    )


def _axis(span: int, height: int) -> list[str]:
    marks = []
    step = _step(span / 1_000_000)
    at = 0.0
    while at * 1_000_000 <= span:
        x = _percent(int(at * 1_000_000), span)
        anchor = ' text-anchor="end"' if x > 95 else ""  # noqa: PLR2004 - per cent
        marks.append(f'<line class="mark-line" x1="{x}%" x2="{x}%" y1="{AXIS - 6}" y2="{height}"/>')
        marks.append(f'<text class="time" x="{x}%" y="12"{anchor}>{_time(at)}</text>')
        at += step
    return marks


def _step(milliseconds: float) -> float:
    """Return the distance of the axis' marks (ms): 1, 2 or 5 times a power of ten."""
    power = 0.001
    while True:
        for factor in STEPS:
            if milliseconds / (factor * power) <= MOST_MARKS:
                return factor * power
        power *= 10


def _time(milliseconds: float) -> str:
    if milliseconds >= 1000:  # noqa: PLR2004 - a second
        return f"{milliseconds / 1000:g} s"
    return f"{milliseconds:g} ms"


def _row(row: Drawn, y: int, start: int, span: int) -> str:
    x = _percent(row.start - start, span)
    turned = x > TURN
    last = max(segment.end for segment in row.segments)
    at = _percent(last - start, span) if turned else x
    anchor = ' text-anchor="end"' if turned else ""
    failed = " failed" if row.error else ""
    title = f"{row.code} {row.label}: " + "; ".join(_words(part) for part in row.segments)
    return (
        f'<g class="row{failed}"><title>{escape(title)}</title>'
        f'<text class="label" x="{at}%" y="{y + 13}"{anchor}>'
        f'<tspan class="who">{escape(row.code)}</tspan> {escape(row.label)}</text>'
        + "".join(_segment(part, y + 18, start, span) for part in row.segments)
        + "</g>"
    )


def _segment(part: Segment, y: int, start: int, span: int) -> str:
    x = _percent(part.start - start, span)
    width = max(LEAST, round(_percent(part.end - start, span) - x, 3))
    x = min(x, 100 - LEAST)
    match part.stage:
        case Stage.BROKER:
            middle = y + BAR / 2
            end = round(x + width, 3)
            return f'<line class="broker" x1="{x}%" x2="{end}%" y1="{middle}" y2="{middle}"/>'
        case Stage.JOURNAL:
            at = min(99.9, round(x + width, 3))
            return f'<line class="journal" x1="{at}%" x2="{at}%" y1="{y - 1}" y2="{y + BAR + 1}"/>'
    kind = "failed-bar" if part.error else part.stage.value
    return f'<rect class="{kind}" x="{x}%" y="{y}" width="{width}%" height="{BAR}"/>'


def _words(part: Segment) -> str:
    where = {
        Stage.OUTBOX: "in the outbox",
        Stage.BROKER: f"in the broker to {part.who}",
        Stage.HANDLER: f"in {part.who}’s handler",
        Stage.JOURNAL: "in the journal",
        Stage.WORK: "at work",
    }[part.stage]
    return f"{part.milliseconds:.1f} ms {where}"


def _percent(distance: int, span: int) -> float:
    return round(100 * max(0, distance) / span, 3)
