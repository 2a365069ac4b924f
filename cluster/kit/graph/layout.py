"""The layout of the graph: pure functions from traffic and outages to a scene in pixels.

A scene shows the state at one moment: later events are not in it, and a leg that was
in flight then ends at it with a hollow circle. So a live view, a recording played to
its middle and a finished picture are one function. `train-graph-model.js` does the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from cluster.kit.graph.model import Journey, Leg, Outage, Style, Traffic, waiting
from cluster.kit.graph.rails import HEADCODE_Y, SHARED, y_of
from cluster.kit.graph.scale import (
    NARROW,
    GridLine,
    Scale,
    clock,
    clock_to_the_millisecond,
    grid,
    seconds,
    tenth,
)
from cluster.storefront.events import Mark

HEADCODE_WIDTH: Final = 42  # pixels, the room around it included
LETTER: Final = 6.7  # pixels of one letter of an outage's label
LABEL_ROWS: Final = (25, 38)  # below the rail
SHARED_LABEL_ROWS: Final = (-14, -27)  # above the strip: below it are the times
MOST_WAITING: Final = 24  # waiting messages drawn; more are only counted
WAITING_GAP: Final = 4
# The size of a mark, and of one beside the line; smaller where a second has few pixels.
SIZES: Final = (1.0, 0.55)
DENSE_SIZES: Final = (0.7, 0.45)
DENSE: Final = 0.03  # pixels for each millisecond
# The verb of a stop is written beside its mark where one saga has the picture to itself.
SAID_LETTER: Final = 6.3
SAID_ABOVE: Final = (-10, -23)
SAID_BELOW: Final = (19, 32)
# The names of moments that are near one another are written in several rows.
FLAG_LETTER: Final = 6.7
FLAG_ROWS: Final = (11, 25, 39)


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """The part to draw: the stretch `begins` to `ends`, in its state at the moment `at`."""

    scale: Scale
    begins: int
    ends: int
    at: int
    width: float
    counted_from: int | None = None  # labels then count from this moment
    top: int = 0  # room above for the flags
    moving: bool = False  # if a line marks `at` as the present


class Path(msgspec.Struct, frozen=True):
    """A stretch of a trace in one style: M and L commands of an SVG path."""

    style: Style
    d: str


class Placed(msgspec.Struct, frozen=True):
    """A mark with its position."""

    mark: str
    x: float
    y: int
    size: float
    seq: int


class Trace(msgspec.Struct, frozen=True):
    """One journey as drawn. `label` is the x of its headcode, None where there is no room."""

    id: str
    headcode: str
    outcome: str
    label: float | None
    paths: list[Path]
    marks: list[Placed]


class PlacedTick(msgspec.Struct, frozen=True):
    x: float
    y: int
    kind: str


class Words(msgspec.Struct, frozen=True):
    """A text with its position."""

    x: float
    y: int
    text: str


class Bracket(msgspec.Struct, frozen=True):
    """An outage as drawn, hatched from `x` over `width`, and `closed` once it is over."""

    id: str
    x: float
    y: int
    width: float
    closed: bool
    waiting: int
    cause: Words | None
    recovery: Words | None


class Scene(msgspec.Struct, frozen=True):
    grid: list[GridLine]
    breaks: list[Words]
    flags: list[Words]
    brackets: list[Bracket]
    ticks: list[PlacedTick]
    traces: list[Trace]
    said: list[Words]
    now: float


class Flag(msgspec.Struct, frozen=True):
    """A named moment of a recording."""

    at: int
    label: str


def place(
    traffic: Traffic, outages: Sequence[Outage], frame: Frame, flags: Sequence[Flag] = ()
) -> Scene:
    """Return the scene at `frame.at`."""
    scale = frame.scale
    return Scene(
        grid=grid(
            scale,
            begins=frame.begins,
            ends=frame.ends,
            width=frame.width,
            counted_from=frame.counted_from,
            now=frame.at if frame.moving else None,
        ),
        breaks=[
            Words(scale.x(gap.begins), frame.top, f"{seconds(gap.ends - gap.begins)} left out")
            for gap in scale.breaks
        ],
        flags=_flags(flags, frame),
        brackets=_brackets(traffic.journeys, outages, frame),
        ticks=[
            PlacedTick(scale.x(tick.at), y_of(tick.rail) + frame.top, tick.kind)
            for tick in traffic.ticks
            if frame.begins <= tick.at <= frame.at
        ],
        traces=_traces(traffic.journeys, frame),
        said=_said(traffic.journeys, frame) if frame.counted_from is not None else [],
        now=scale.x(frame.at),
    )


def visible(journey: Journey, frame: Frame) -> bool:
    """Return whether any part of the journey is visible at `frame.at`."""
    ended = journey.ended is not None and journey.last < frame.begins
    return journey.first <= frame.at and not ended


def _traces(journeys: Sequence[Journey], frame: Frame) -> list[Trace]:
    traces = []
    free = -float("inf")  # the headcodes' row is taken up to here
    left = frame.scale.x(frame.begins)  # a code that is half outside cannot be read
    for journey in journeys:
        if not visible(journey, frame):
            continue
        label = None
        if journey.began is not None:
            x = tenth(frame.scale.x(journey.began) - 4)
            if x >= max(free, left):
                label, free = x, x + HEADCODE_WIDTH
        traces.append(_trace(journey, frame, label))
    return traces


def _trace(journey: Journey, frame: Frame, label: float | None) -> Trace:
    drawn: dict[Style, list[str]] = {}
    marks = []
    full, small = DENSE_SIZES if frame.scale.pixels < DENSE else SIZES
    for leg in journey.legs:
        if leg.since > frame.at:
            continue
        style, d, end = _leg(leg, frame)
        drawn.setdefault(style, []).append(d)
        if end is not None:
            marks.append(Placed(Mark.IN_FLIGHT, end[0], end[1], full, 0))
    for stop in journey.stops:
        if stop.at <= frame.at:
            size = small if stop.small else full
            y = y_of(stop.rail) + frame.top
            marks.append(Placed(stop.mark, frame.scale.x(stop.at), y, size, stop.seq))
    over = journey.ended is not None and journey.ended <= frame.at
    return Trace(
        id=journey.id,
        headcode=journey.headcode,
        outcome=journey.outcome if over else "running",
        label=label,
        paths=[Path(style, "".join(parts)) for style, parts in drawn.items()],
        marks=marks,
    )


def _leg(leg: Leg, frame: Frame) -> tuple[Style, str, tuple[float, int] | None]:
    """Return style and path of a leg as far as it has gone, and its position while in flight."""
    x, now = frame.scale.x, frame.at
    from_y, to_y = y_of(leg.origin) + frame.top, y_of(leg.target) + frame.top
    begun = f"M{number(x(leg.since))} {from_y}"
    style: Style = "dashed" if leg.style == "dashed" else "solid"
    if leg.leaves is None or leg.leaves > now:
        return style, f"{begun}L{number(x(now))} {from_y}", (x(now), from_y)
    if leg.leaves > leg.since:
        begun += f"L{number(x(leg.leaves))} {from_y}"
    if leg.arrives is None or leg.arrives > now:
        return style, f"{begun}L{number(x(now))} {to_y}", (x(now), to_y)
    return leg.style, f"{begun}L{number(x(leg.arrives))} {to_y}", None


def _said(journeys: Sequence[Journey], frame: Frame) -> list[Words]:
    """Return the verbs beside the marks, on the side to which the trace does not go on."""
    placed = []
    taken: dict[tuple[int, int], float] = {}  # how far each row is taken
    for journey in journeys:
        turning = {(leg.origin, leg.since) for leg in journey.legs if _rises(leg)}
        for stop in sorted(journey.stops, key=lambda stop: stop.at):
            if stop.at > frame.at:
                continue
            x, y = tenth(frame.scale.x(stop.at) + 9), y_of(stop.rail) + frame.top
            rows = SAID_BELOW if (stop.rail, stop.at) in turning else SAID_ABOVE
            row = next((row for row in rows if taken.get((y, row), x) <= x), None)
            if row is not None:
                taken[y, row] = x + len(stop.verb) * SAID_LETTER + 6
                placed.append(Words(x, y + row, stop.verb))
    return placed


def _rises(leg: Leg) -> bool:
    return leg.leaves is not None and y_of(leg.target) < y_of(leg.origin)


def _brackets(journeys: list[Journey], outages: Sequence[Outage], frame: Frame) -> list[Bracket]:
    brackets = []
    taken: dict[tuple[str, int], float] = {}  # how far each row of labels is taken
    left = frame.scale.x(frame.begins) + 6
    for span in outages:
        closed = span.ended is not None and span.ended <= frame.at
        ends = span.ended if span.ended is not None and closed else frame.at
        if span.began > frame.at or ends < frame.begins:
            continue
        x, right = frame.scale.x(span.began), frame.scale.x(ends)
        y = y_of(span.rail) + frame.top
        cause, recovery = _cause(span, frame), f"recovered +{seconds(ends - span.began)}"
        start = max(x, left)
        after = max(start + len(cause) * LETTER + 12, right + 10)
        end = after + len(recovery) * LETTER if closed else after
        rows = SHARED_LABEL_ROWS if span.rail == SHARED else LABEL_ROWS
        row = next((r for r in rows if taken.get((span.rail, r), start) <= start), None)
        if row is not None:
            taken[span.rail, row] = end + 8
        brackets.append(
            Bracket(
                id=span.id,
                x=x,
                y=y,
                width=tenth(max(right - x, 3)),
                closed=closed,
                waiting=min(waiting(journeys, span, frame.at), MOST_WAITING),
                cause=Words(tenth(start), y + row, cause) if row else None,
                recovery=Words(tenth(after), y + row, recovery) if row and closed else None,
            )
        )
    return brackets


def _cause(span: Outage, frame: Frame) -> str:
    """Return the label of an outage, shorter where there is little room."""
    if frame.width < NARROW:
        return f"{span.process} {clock(span.began)}"
    return f"{span.process} {span.cause} {clock_to_the_millisecond(span.began)}"


def _flags(flags: Sequence[Flag], frame: Frame) -> list[Words]:
    """Return each flag in the highest free row, and without words where no row is free."""
    placed = []
    taken = [-float("inf")] * len(FLAG_ROWS)
    for flag in flags:
        if flag.at > frame.at:
            continue
        x = frame.scale.x(flag.at)
        row = next((row for row, end in enumerate(taken) if end <= x), None)
        if row is not None:
            taken[row] = x + len(flag.label) * FLAG_LETTER + 10
        y = FLAG_ROWS[row if row is not None else -1]
        placed.append(Words(x, y, flag.label if row is not None else ""))
    return placed


def headcode_y(frame: Frame) -> int:
    return HEADCODE_Y + frame.top


def number(value: float) -> str:
    """Return a coordinate as Python and JavaScript both write it: `12`, `12.5`."""
    return f"{value:.1f}".removesuffix(".0")
