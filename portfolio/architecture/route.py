"""A saga's path as lines over the plan, and as a vertical train graph beside its list."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import wrap
from typing import Final

from cluster.storefront.events import CODES
from portfolio.architecture.path import Hop, Path
from portfolio.architecture.plan import STATIONS
from portfolio.architecture.shapes import Arrangement

LONGEST: Final = 23  # characters of a line below a column
HEAD: Final = 30  # units above the first row, for the rails' codes


@dataclass(frozen=True, slots=True)
class Count:
    """The numbers of the messages that a service sent, written where it joins the main line."""

    x: float
    y: float
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Leg:
    """The tracks between two services, and the number of the first message on them."""

    hop: int
    path: str


@dataclass(frozen=True, slots=True)
class Route:
    """The tracks that a saga used, in order of first use, and the numbers each service sent."""

    legs: tuple[Leg, ...]
    counts: tuple[Count, ...]
    anchor: str


@dataclass(frozen=True, slots=True)
class Rail:
    """One service of the ladder."""

    x: float
    code: str


@dataclass(frozen=True, slots=True)
class Rung:
    """One message of the ladder: a line from its cause's mark to its own."""

    hop: Hop
    x: float
    y: float
    trace: str

    @property
    def mark_x(self) -> float:
        return self.x - 7

    @property
    def mark_y(self) -> float:
        return self.y - 7


@dataclass(frozen=True, slots=True)
class Ladder:
    """The path as a vertical train graph: services side by side, messages downwards."""

    name: str
    width: float
    height: float
    rails: tuple[Rail, ...]
    rungs: tuple[Rung, ...]


def route(arrangement: Arrangement, path: Path) -> Route:
    """Return a path over one arrangement of the plan."""
    columns = arrangement.columns
    legs = []
    for (came_from, service), hop in path.legs.items():
        if came_from in columns and service in columns:
            a, b = columns[came_from], columns[service]
            points = (a.plate_told, a.told, b.heard, b.plate_heard)
            legs.append(Leg(hop, "M" + "L".join(f"{x} {y}" for x, y in points)))
    counts = [
        Count(*columns[service].count, tuple(wrap(f"sent {_ranges(numbers)}", LONGEST)))
        for service, numbers in path.sent_by.items()
        if service in columns
    ]
    return Route(tuple(legs), tuple(counts), arrangement.count_anchor)


def ladders(path: Path) -> tuple[Ladder, Ladder]:
    """Return the ladders for desktop and mobile, with rows as high as those of the list."""
    return _ladder("wide", path, step=84, row=36), _ladder("narrow", path, step=18, row=52)


def _ladder(name: str, path: Path, *, step: int, row: int) -> Ladder:
    xs = {service: step // 2 + step * index for index, service in enumerate(STATIONS)}
    places = {hop.number: (xs.get(hop.service, 0), HEAD + row * index + row // 2)
              for index, hop in enumerate(path.hops)}  # fmt: skip
    rungs = []
    for hop in path.hops:
        x, y = places[hop.number]
        start = places[hop.cause] if hop.cause is not None else None
        trace = f"M{start[0]} {start[1]}L{x} {y}" if start else ""
        rungs.append(Rung(hop, x, y, trace))
    return Ladder(
        name,
        step * len(STATIONS),
        HEAD + row * len(path.hops),
        tuple(Rail(x, CODES[service]) for service, x in xs.items()),
        tuple(rungs),
    )


def _ranges(numbers: list[int]) -> str:
    """Return the numbers as ranges (`2, 4–6, 9`), short enough to stand below a column."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and spans[-1][-1] == number - 1:
            spans[-1].append(number)
        else:
            spans.append([number])
    return ", ".join(str(span[0]) if len(span) == 1 else f"{span[0]}–{span[-1]}" for span in spans)
