"""The plan with its readings, as drawings and rows of tables for the templates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from cluster.health.observer.snapshot import Snapshot
from portfolio.architecture import layout_desktop, layout_mobile
from portfolio.architecture.plan import Carriage, Kind, Link, Node, plan
from portfolio.architecture.queries import (
    NOTHING,
    Reading,
    reading,
    shown,
    value,
    weight,
)
from portfolio.architecture.shapes import HALF_BAR, Arrangement, Number, Place, Shape, Stack

LONGEST_WORDS: Final = 25  # characters that fit on a plate
HALF_MARK: Final = 7
# They answer no probe: heartbeats, a lock or the supervisor show whether they are healthy.
UNPROBED: Final = {Kind.WORKER, Kind.RELAY, Kind.BEAT, Kind.KEEPER, Kind.OBSERVER}

# The last line of a node's plate, while the node is not out: words, path, form.
PLATE_NUMBERS: Final[dict[Kind, tuple[tuple[str, str, str], ...]]] = {
    Kind.SERVICE: (("outbox ", "s/{name}/outbox", "n"), ("parked ", "s/{name}/parked", "n")),
}


@dataclass(frozen=True, slots=True)
class Figure:
    """A number as the page shows it: the words around it, its path, form and present value."""

    before: str
    path: str
    form: str
    shown: str
    x: float = 0
    y: float = 0
    anchor: str = "start"
    after: str = ""


@dataclass(frozen=True, slots=True)
class DrawnNode:
    """A node at its position, with its reading."""

    node: Node
    place: Place
    reading: Reading
    figures: tuple[Figure, ...]

    @property
    def label(self) -> str:
        return self.place.text or self.node.label

    @property
    def words(self) -> str:
        return fit(self.reading.words)

    @property
    def is_plate(self) -> bool:
        return self.place.shape is Shape.PLATE

    @property
    def is_stop(self) -> bool:
        return self.place.shape is Shape.STOP

    @property
    def is_station(self) -> bool:
        return self.place.shape is Shape.STATION

    @property
    def has_facts(self) -> bool:
        """Return whether its state, its numbers or its clock is drawn beside it."""
        return self.is_plate or (self.is_station and not self.node.service)

    @property
    def bar(self) -> str:
        """The SVG path of a buffer stop: a bar across the track, with both ends bent back."""
        x, y = self.place.x, self.place.y
        return f"M{x - HALF_BAR} {y - 7}V{y}H{x + HALF_BAR}V{y - 7}"

    @property
    def box(self) -> tuple[float, float, float, float]:
        return self.place.box

    # The positions of a plate's texts, and of the mark's corner.
    @property
    def text_x(self) -> float:
        return self.place.x + 10

    @property
    def name_y(self) -> float:
        return self.place.y + 21

    @property
    def words_y(self) -> float:
        return self.place.y + 40

    @property
    def figures_y(self) -> float:
        return self.place.bottom - 14

    @property
    def is_tall(self) -> bool:
        """Return whether the plate has a line of numbers, which the clock replaces in an outage."""
        return bool(self.figures)

    @property
    def clock_x(self) -> float:
        return self.text_x if self.is_tall else self.place.right - 10

    @property
    def clock_y(self) -> float:
        return self.figures_y if self.is_tall else self.words_y

    @property
    def mark_x(self) -> float:
        return self.place.right - 24 if self.is_plate else self.place.x - HALF_MARK

    @property
    def mark_y(self) -> float:
        return self.place.y + (9 if self.is_plate else -HALF_MARK)

    @property
    def spoken(self) -> str:
        """The link's accessible name, which contains its visible text.

        Users of speech input say the text that they see (WCAG 2.2, 2.5.3). State and figures
        are drawn beside the link, so the name has the state in its own words.
        """
        code = f"{self.node.code} " if self.node.kind is Kind.SERVICE else ""
        return spoken(self.node, self.reading, seen=f"{code}{self.label}")


@dataclass(frozen=True, slots=True)
class DrawnLink:
    """A link's track, with its thickness."""

    link: Link
    path: str
    weight: float

    @property
    def carries(self) -> str:
        return self.link.carries.value


@dataclass(frozen=True, slots=True)
class Drawing:
    """One arrangement, ready to be drawn."""

    arrangement: Arrangement
    nodes: tuple[DrawnNode, ...]
    links: tuple[DrawnLink, ...]
    figures: tuple[Figure, ...]
    stacks: tuple[tuple[Stack, str], ...]


@dataclass(frozen=True, slots=True)
class Row:
    """A node as a row of the table below the plan."""

    node: Node
    reading: Reading
    figures: tuple[Figure, ...]


@dataclass(frozen=True, slots=True)
class LinkRow:
    """A link as a row of its table."""

    link: Link
    source: Node
    target: Node
    figure: Figure | None


def drawings(snapshot: Snapshot | None) -> tuple[Drawing, Drawing]:
    """Return the plan for desktop and for mobile."""
    return draw(layout_desktop.arrangement(), snapshot), draw(layout_mobile.arrangement(), snapshot)


def rows(snapshot: Snapshot | None, names: Sequence[str] = ()) -> list[Row]:
    """Return the nodes as rows of a table, all of them or those named."""
    nodes = plan().nodes
    return [
        Row(node, reading(node, snapshot), tuple(_row_figures(node, snapshot)))
        for node in (nodes[name] for name in names or nodes)
    ]


def link_rows(snapshot: Snapshot | None, name: str = "") -> list[LinkRow]:
    """Return the links as rows of a table, all of them or those of one node."""
    whole = plan()
    return [
        LinkRow(
            link,
            whole.nodes[link.source],
            whole.nodes[link.target],
            figure("", link.rate, "rate", snapshot) if link.rate else None,
        )
        for link in (whole.links_of(name) if name else whole.links)
    ]


def instance_figures(node: Node, snapshot: Snapshot | None) -> list[Figure]:
    """Return all measured numbers of one process."""
    return [
        figure(words, f"p/{node.name}/{field}", form, snapshot)
        for words, field, form in (
            ("answers in", "probe_ms", "ms"),
            ("pid", "pid", "text"),
            ("up", "age_seconds", "s"),
            ("restarts", "restarts", "n"),
            ("processor", "cpu_percent", "pct"),
            ("memory", "memory_bytes", "mb"),
        )
        if field != "probe_ms" or node.kind not in UNPROBED
    ]


def figure(before: str, path: str, form: str, snapshot: Snapshot | None) -> Figure:
    """Return a number with its present value."""
    return Figure(before, path, form, shown(path, form, snapshot))


def spoken(node: Node, found: Reading, *, seen: str) -> str:
    """Return a node and its state in words, among them `seen`, its text on the plan."""
    kind = "service" if node.kind is Kind.SERVICE else ""
    name = node.name if node.is_process or kind else node.label
    if name.casefold() in seen.casefold():
        name = seen
    elif seen.casefold() not in name.casefold():
        name = f"{seen} {name}"
    return f"{name}{f', {kind}' if kind else ''}: {found.told}"


def fit(words: str) -> str:
    """Return the words, cut to fit on a plate."""
    return words if len(words) <= LONGEST_WORDS else f"{words[: LONGEST_WORDS - 1].rstrip()}…"


def draw(arrangement: Arrangement, snapshot: Snapshot | None) -> Drawing:
    """Return an arrangement with the readings of a snapshot."""
    whole = plan()
    links = {link.name: link for link in whole.links}
    return Drawing(
        arrangement,
        tuple(
            DrawnNode(
                whole.nodes[place.node],
                place,
                reading(whole.nodes[place.node], snapshot),
                tuple(_plate_figures(whole.nodes[place.node], snapshot)),
            )
            for place in arrangement.places
        ),
        tuple(
            DrawnLink(links[line.link], line.path, _weight(links[line.link], snapshot))
            for line in arrangement.lines
        ),
        tuple(place(number, snapshot) for number in arrangement.numbers),
        tuple((stack, stack.drawn(value(stack.path, snapshot))) for stack in arrangement.stacks),
    )


def _weight(link: Link, snapshot: Snapshot | None) -> float:
    return 1.5 if link.carries is Carriage.SECRETS else weight(value(link.rate, snapshot))


def place(number: Number, snapshot: Snapshot | None) -> Figure:
    """Return a number at its position with its present value."""
    return Figure(
        number.before,
        number.path,
        number.form,
        shown(number.path, number.form, snapshot),
        number.x,
        number.y,
        number.anchor,
        number.after,
    )


def _plate_figures(node: Node, snapshot: Snapshot | None) -> Iterator[Figure]:
    for before, path, form in PLATE_NUMBERS.get(node.kind, ()):
        yield figure(before, path.format(name=node.name), form, snapshot)


def _row_figures(node: Node, snapshot: Snapshot | None) -> Iterator[Figure]:
    """Yield the table's numbers of a node, for a process without those that are not known."""
    if node.kind is Kind.SERVICE:
        for before, field, form in (
            ("hears ", "consumed_per_second", "rate"),
            ("tells ", "published_per_second", "rate"),
            ("queue ", "queue_depth", "n"),
            ("outbox ", "outbox", "n"),
            ("parked ", "parked", "n"),
            ("dead letters ", "dead_letters", "n"),
            ("lease ", "lease/remaining_seconds", "s"),
        ):
            yield figure(before, f"s/{node.name}/{field}", form, snapshot)
    elif node.is_process:
        for before, field, form in (
            ("answers in ", "probe_ms", "ms"),
            ("up ", "age_seconds", "s"),
            ("memory ", "memory_bytes", "mb"),
            ("processor ", "cpu_percent", "pct"),
        ):
            found = figure(before, f"p/{node.name}/{field}", form, snapshot)
            if found.shown != NOTHING:
                yield found
