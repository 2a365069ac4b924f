"""One service enlarged: its plate, its two tracks to the main line, its tables as sidings.

A table is drawn as a siding: a track that ends at a buffer stop. All sidings of a service leave
one track, the spine, which is its database: one transaction can change rows of several tables.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

from portfolio.architecture.plan import Kind, plan
from portfolio.architecture.shapes import (
    RAIL_GAP,
    Anchor,
    Arrangement,
    Column,
    Line,
    Number,
    Place,
    Shape,
    Stack,
)
from portfolio.architecture.tables import own_tables

MOST_SIDINGS: Final = 5  # own tables that are drawn; the page lists all
ROW: Final = 30  # from one siding to the next
EACH: Final = 28  # from one worker's mark to the next
LOW: Final = 50
TALL: Final = 74
EDGES: Final = {"site": "web", "payments": "payments-gateway"}


@dataclass(frozen=True, slots=True)
class Siding:
    """A table's track from the spine to its buffer stop, its name above it, a number at its end."""

    track: str
    bar: str
    name: str
    x: int
    y: int
    number: Number | None


@dataclass(frozen=True, slots=True)
class Yard:
    """The arrangement of one service, and its sidings."""

    arrangement: Arrangement
    sidings: tuple[Siding, ...]


@dataclass(frozen=True, slots=True)
class Measures:
    """The measures (units) in which the layouts for desktop and for mobile differ."""

    name: str
    width: int
    plate: tuple[int, int, int]  # x, y, width
    tracks: tuple[int, int]  # of the worker and of the relay
    spine: int
    stop: int  # where sidings end
    crew_below: int  # the workers' marks: below the spine's end, or 0 for beside the sidings
    labels: tuple[tuple[int, Anchor], tuple[int, Anchor]]  # beside the two tracks
    secrets: tuple[int, int, int]  # the plate of OpenBao
    edge: tuple[int, int, int]  # the plate of the web or the gateway
    broker: int  # where the broker's plate begins
    lease: tuple[int, int]  # where the lease is written


WIDE: Final = Measures(
    name="wide", width=1104, plate=(252, 14, 600), tracks=(312, 792), spine=420, stop=690,
    crew_below=0, labels=((296, "end"), (808, "start")),
    secrets=(12, 14, 180), edge=(912, 14, 180), broker=12, lease=(12, 112),
)  # fmt: skip
NARROW: Final = Measures(
    name="narrow", width=358, plate=(4, 134, 350), tracks=(24, 334), spine=64, stop=300,
    crew_below=70, labels=((40, "start"), (318, "end")),
    secrets=(4, 2, 168), edge=(186, 2, 168), broker=4, lease=(42, 74),
)  # fmt: skip


@cache
def yards(service: str) -> tuple[Yard, Yard]:
    """Return one service enlarged, for desktop and for mobile."""
    return _yard(service, WIDE), _yard(service, NARROW)


def _yard(service: str, measures: Measures) -> Yard:
    foot = measures.plate[1] + TALL
    sidings = tuple(_sidings(service, measures, foot))
    end = sidings[-1].y + 34  # of the spine
    crew = end + measures.crew_below if measures.crew_below else foot + 96
    last = crew + EACH * (len(plan().workers(service)) - 1)
    main = max(end + 74, last + 110)
    places = tuple(_places(service, measures, end=end, crew=crew, main=main))
    lines = tuple(_lines(service, measures, foot=foot, end=end, crew=crew, main=main))
    numbers = tuple(_numbers(service, measures, crew=crew, main=main))
    (worker, relay), side = measures.tracks, measures.broker
    arrangement = Arrangement(
        name=measures.name,
        width=measures.width,
        height=main + 92,
        places=places,
        lines=lines,
        numbers=numbers,
        titles=(),
        rules=(),
        main_line=(
            f"M{side} {main}H{measures.width - side}",
            f"M{side} {main + RAIL_GAP}H{measures.width - side}",
            f"M{side + 10} {main + RAIL_GAP}v30M{side + 16} {main + RAIL_GAP}v30",
        ),
        columns={
            service: Column((worker, main), (worker, foot), (relay, main), (relay, foot), (0, 0))
        },
        stacks=(
            Stack(worker, main - 7, (0, -4), f"s/{service}/queue_depth"),
            Stack(relay, foot + 7, (0, 4), f"s/{service}/outbox"),
        ),
    )
    return Yard(arrangement, sidings)


def _sidings(service: str, measures: Measures, foot: int) -> Iterator[Siding]:
    own = own_tables(service)[:MOST_SIDINGS]
    names = ["inbox", "parked", *(table.name for table in own), "outbox", "dead_letter"]
    counted = {"parked": "parked", "outbox": "outbox", "dead_letter": "dead_letters"}
    x, stop = measures.spine, measures.stop
    for index, name in enumerate(names):
        y = foot + 46 + ROW * index
        field = counted.get(name)
        yield Siding(
            track=f"M{x} {y - 14}l14 14H{stop}",
            bar=f"M{stop} {y - 9}v18",
            name=name,
            x=x + 22,
            y=y - 6,
            number=Number(stop - 8, y - 6, f"s/{service}/{field}", "n", "end", after=" waiting")
            if field
            else None,
        )


def _places(service: str, measures: Measures, *, end: int, crew: int, main: int) -> Iterator[Place]:
    whole, (x, y, width) = plan(), measures.plate
    yield Place("openbao", Shape.PLATE, *measures.secrets, LOW)
    if service in EDGES:
        yield Place(EDGES[service], Shape.PLATE, *measures.edge, LOW)
    yield Place(service, Shape.PLATE, x, y, width, TALL)
    (worker, relay), ((left, anchor), (right, other)) = measures.tracks, measures.labels
    workers = whole.workers(service)
    for index, node in enumerate(workers):
        mark = crew + EACH * index
        yield Place(
            node.name, Shape.STATION, worker, mark, label=(left, mark + 5), anchor=anchor,
            hit=_hit(worker, left, mark, anchor), text=node.name,
        )  # fmt: skip
    yield Place(
        f"postgres-{service}", Shape.STOP, measures.spine, end,
        label=(measures.spine + 24, end + 4), hit=(measures.spine - 18, end - 16, 210, 30),
        text=f"postgres-{service}",
    )  # fmt: skip
    yield Place(
        f"relay-{service}", Shape.STATION, relay, crew, label=(right, crew + 5), anchor=other,
        hit=_hit(relay, right, crew, other), text=f"relay-{service}",
    )  # fmt: skip
    yield Place("rabbitmq", Shape.PLATE, measures.broker, main + 36, 220, LOW)


def _hit(track: int, label: int, y: int, anchor: Anchor) -> tuple[int, int, int, int]:
    """Return the area that can be pressed, from the mark to the end of the label."""
    left = track - 12 if anchor == "start" else label - 118
    right = label + 118 if anchor == "start" else track + 12
    return left, y - 14, right - left, 28


def _lines(
    service: str, measures: Measures, *, foot: int, end: int, crew: int, main: int
) -> Iterator[Line]:
    worker, relay = measures.tracks
    for node in plan().workers(service):
        yield Line(f"rabbitmq>{node.name}", f"M{worker} {main}V{crew}")
        yield Line(f"{node.name}>{service}", f"M{worker} {crew}V{foot}")
    yield Line(f"{service}>relay-{service}", f"M{relay} {foot}V{crew}")
    yield Line(f"relay-{service}>rabbitmq", f"M{relay} {crew}V{main}")
    yield Line(f"{service}>postgres-{service}", f"M{measures.spine} {foot}V{end}")
    yield Line(f"openbao>{service}", _joined(measures.secrets, measures.plate))
    if service in EDGES:
        towards = plan().nodes[EDGES[service]].kind is Kind.WEB
        name = f"web>{service}" if towards else f"{service}>{EDGES[service]}"
        yield Line(name, _joined(measures.edge, measures.plate))


def _joined(edge: tuple[int, int, int], plate: tuple[int, int, int]) -> str:
    """Return a line from a plate beside or above the service's plate to that plate."""
    x, y, width = edge
    if y == plate[1]:
        start, stop = (x + width, plate[0]) if x < plate[0] else (x, plate[0] + plate[2])
        return f"M{start} {y + LOW // 2}H{stop}"
    middle = x + 24 if x < plate[2] // 2 else x + width - 24
    return f"M{middle} {y + LOW}V{plate[1]}"


def _numbers(service: str, measures: Measures, *, crew: int, main: int) -> Iterator[Number]:
    state = f"s/{service}"
    (left, anchor), (right, other) = measures.labels
    workers = plan().workers(service)
    below = crew + EACH * (len(workers) - 1)
    for row, (path, form, before) in enumerate(
        ((f"p/{workers[0].name}/age_seconds", "s", "up "),
         (f"{state}/consumed_per_second", "rate", "applies ")), start=1
    ):  # fmt: skip
        yield Number(left, below + 6 + 17 * row, path, form, anchor, before)
    for row, (path, form, before) in enumerate(
        ((f"p/relay-{service}/age_seconds", "s", "up "),
         (f"{state}/published_per_second", "rate", "publishes ")), start=1
    ):  # fmt: skip
        yield Number(right, crew + 6 + 17 * row, path, form, other, before)
    yield Number(left, main - 30, f"{state}/queue_depth", "n", anchor, after=" in the queue")
    yield Number(left, main - 13, f"{state}/queue_consumers", "n", anchor, after=" consuming")
    x, y = measures.lease
    yield Number(x, y, f"{state}/lease/role", "text")
    yield Number(x, y + 17, f"{state}/lease/remaining_seconds", "s", before="ends in ")
    yield Number(x, y + 34, f"{state}/lease/sessions", "n", before="sessions ")
