"""The elements of an arrangement of the plan: positions, lines and numbers, in its units."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Anchor = Literal["start", "middle", "end"]
Titles = tuple[tuple[float, float, str], ...]
Rules = tuple[tuple[float, float, float], ...]

HALF_BAR: Final = 13  # of a buffer stop's bar
RAIL_GAP: Final = 6  # between the two rails of the main line


class Shape(enum.StrEnum):
    """The shape in which a node is drawn."""

    PLATE = "plate"  # a rectangle with its name, its state and its numbers
    STATION = "station"  # a mark on its track, its name beside it
    STOP = "stop"  # a buffer stop: where the track of a database ends


@dataclass(frozen=True, slots=True)
class Place:
    """The position of a node.

    A plate has its corner at x, y and a size. A station has its mark there, and a stop its bar.
    Both have their label at `label`, and `hit` is the corner and size of the area to press.
    """

    node: str
    shape: Shape
    x: float
    y: float
    width: float = 0
    height: float = 0
    label: tuple[float, float] = (0, 0)
    anchor: Anchor = "start"
    hit: tuple[float, float, float, float] = (0, 0, 0, 0)
    text: str = ""  # in place of the node's own label

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height

    @property
    def middle(self) -> tuple[float, float]:
        return self.x + self.width / 2, self.y + self.height / 2

    @property
    def box(self) -> tuple[float, float, float, float]:
        """The corner and size of the area to press."""
        return (self.x, self.y, self.width, self.height) if self.shape is Shape.PLATE else self.hit


@dataclass(frozen=True, slots=True)
class Line:
    """A link's track, in the direction of the link."""

    link: str
    path: str


@dataclass(frozen=True, slots=True)
class Number:
    """A measured number and its position. `queries.value` reads its path."""

    x: float
    y: float
    path: str
    form: str
    anchor: Anchor = "start"
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class Stack:
    """Waiting messages, drawn as ticks across a track, one behind the other from x, y.

    `step` leads from one to the next, and a tick is at right angles to it. `path` is that of
    the number that wait, of which at most `most` are drawn.
    """

    x: int
    y: int
    step: tuple[int, int]
    path: str
    most: int = 12

    def drawn(self, waiting: float | None) -> str:
        """Return the SVG path of the ticks for this many messages."""
        dx, dy = self.step
        across = "m0 -5v10m0 -5" if dx else "m-5 0h10m-5 0"
        ticks = min(self.most, int(waiting or 0))
        return f"M{self.x} {self.y}" + f"{across}m{dx} {dy}" * ticks


@dataclass(frozen=True, slots=True)
class Column:
    """The ends of a service's two tracks, on the main line and at its plate, for drawing a path.

    `heard` and `told` are where its worker's and its relay's track meet the main line,
    `plate_heard` and `plate_told` where they meet its plate. `count` is the position of the
    numbers of the messages that it sent.
    """

    heard: tuple[float, float]
    plate_heard: tuple[float, float]
    told: tuple[float, float]
    plate_told: tuple[float, float]
    count: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Arrangement:
    """One arrangement of the plan or of one service. `main_line` are the rails of the broker."""

    name: str
    width: int
    height: int
    places: tuple[Place, ...]
    lines: tuple[Line, ...]
    numbers: tuple[Number, ...]
    titles: Titles
    rules: Rules  # x, y and length of each
    main_line: tuple[str, ...]
    columns: Mapping[str, Column]
    stacks: tuple[Stack, ...] = ()
    count_anchor: Anchor = "middle"


# The rows of the plan's title block: words, path and form.
TITLE_BLOCK: Final = (
    ("messages", "r/messages_per_second", "rate"),
    ("checkouts", "r/checkouts_per_second", "rate"),
    ("sagas in flight", "g/running", "n"),
    ("sagas compensating", "g/compensating", "n"),
    ("journal reaches", "j/seq", "n"),
)


def title_block(
    *, left: int, right: int, top: int, step: int
) -> tuple[tuple[Number, ...], Titles, Rules]:
    """Return the plan's table of totals: numbers, titles and rules."""
    rows = list(enumerate(TITLE_BLOCK, start=1))
    return (
        tuple(
            Number(right, top + row * step - 8, path, form, "end") for row, (_, path, form) in rows
        ),
        tuple((left, top + row * step - 8, words) for row, (words, _, _) in rows),
        tuple((left, top + row * step, right - left) for row, _ in rows),
    )
