"""The plan for a wide page: services side by side over the main line, each a column."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Final

from portfolio.architecture.plan import STATIONS, Plan, plan
from portfolio.architecture.shapes import (
    RAIL_GAP,
    Arrangement,
    Column,
    Line,
    Number,
    Place,
    Shape,
    Stack,
    title_block,
)

WIDTH: Final = 1104
HEIGHT: Final = 616
COLUMN: Final = WIDTH // len(STATIONS)
PLATE: Final = 160
TRACK: Final = 60  # from a column's middle to each of its two tracks

OUTSIDE: Final = 20  # the top of the upper row
EDGE: Final = 122  # the top of the row below it
SECRETS: Final = 222  # the dotted line of leases
SERVICES: Final = 244  # the top of the services' plates
TALL: Final = 74  # of a service's plate
LOW: Final = 50  # of the others
FOOT: Final = SERVICES + TALL
BUFFER: Final = FOOT + 34
CREW: Final = 424  # the marks of workers and relays
MAIN: Final = 500  # the upper rail of the main line
CLOSE: Final = 15  # between the marks of several workers
BELOW: Final = 548  # the top of the plates and marks below it
# Processes below the main line, a column apart. The broker's plate takes the first two columns.
ON_THE_MAIN_LINE: Final = ("beat", "watchdog", "link-proxy", "chaos-runner")


def middle(service: str) -> int:
    """Return the x of the middle of a service's column."""
    return COLUMN * STATIONS.index(service) + COLUMN // 2


@cache
def arrangement() -> Arrangement:
    """Return the plan, 1104 units wide: one unit is a pixel on a page of full width."""
    whole = plan()
    numbers, titles, rules = title_block(left=404, right=700, top=OUTSIDE - 4, step=31)
    return Arrangement(
        name="wide",
        width=WIDTH,
        height=HEIGHT,
        places=(*_surroundings(), *_stations(whole), *_below()),
        lines=tuple(_lines(whole)),
        numbers=(*numbers, *_numbers(whole)),
        titles=titles,
        rules=rules,
        main_line=(
            f"M12 {MAIN}H{WIDTH - 12}",
            f"M12 {MAIN + RAIL_GAP}H{WIDTH - 12}",
            f"M22 {MAIN + RAIL_GAP}V{BELOW}M28 {MAIN + RAIL_GAP}V{BELOW}",
        ),
        stacks=tuple(_stacks()),
        columns={service: _column(service) for service in STATIONS},
    )


def _plate(node: str, column: str, top: float, height: float = LOW) -> Place:
    return Place(node, Shape.PLATE, middle(column) - PLATE // 2, top, PLATE, height)


def _surroundings() -> Iterator[Place]:
    yield _plate("browser", "site", OUTSIDE)
    yield _plate("web", "site", EDGE)
    yield _plate("observer", "identity", OUTSIDE)
    yield _plate("redis", "identity", EDGE)
    yield _plate("provider", "payments", OUTSIDE)
    yield _plate("payments-gateway", "payments", EDGE)
    yield _plate("openbao", "checkout", EDGE)
    x = middle("checkout")
    yield Place(
        "unsealer", Shape.STATION, x, OUTSIDE + 25, label=(x + 14, OUTSIDE + 30),
        hit=(x - 14, OUTSIDE + 11, 86, 28),
    )  # fmt: skip


def _stations(whole: Plan) -> Iterator[Place]:
    for service in STATIONS:
        x = middle(service)
        yield _plate(service, service, SERVICES, TALL)
        yield from _workers(whole, service)
        yield Place(
            f"postgres-{service}", Shape.STOP, x, BUFFER, label=(x, BUFFER + 19), anchor="middle",
            hit=(x - 42, BUFFER - 14, 84, 54),
        )  # fmt: skip
        yield Place(
            f"relay-{service}", Shape.STATION, x + TRACK, CREW, label=(x + TRACK - 12, CREW - 4),
            anchor="end", hit=(x + TRACK - 52, CREW - 18, 64, 36),
        )  # fmt: skip


def _workers(whole: Plan, service: str) -> Iterator[Place]:
    """Yield the marks of a service's workers. Several are numbered and stand close together."""
    x, workers = middle(service) - TRACK, whole.workers(service)
    if len(workers) == 1:
        yield Place(
            workers[0].name, Shape.STATION, x, CREW, label=(x + 12, CREW - 4),
            hit=(x - 12, CREW - 18, 64, 36),
        )  # fmt: skip
        return
    for number, worker in enumerate(workers):
        y = CREW - CLOSE * (len(workers) - 1) // 2 + CLOSE * number - 18
        yield Place(
            worker.name, Shape.STATION, x, y, label=(x + 12, y + 5),
            hit=(x - 12, y - CLOSE // 2, 36, CLOSE), text=str(number + 1),
        )  # fmt: skip


def _below() -> Iterator[Place]:
    yield Place("rabbitmq", Shape.PLATE, 12, BELOW, 220, LOW)
    yield Place(
        "epmd", Shape.STATION, 268, BELOW + 25, label=(282, BELOW + 30),
        hit=(254, BELOW + 11, 84, 28),
    )  # fmt: skip
    for column, name in enumerate(ON_THE_MAIN_LINE, start=2):
        x = column * COLUMN
        yield Place(
            name, Shape.STATION, x, BELOW + 25, label=(x + 14, BELOW + 30),
            hit=(x - 14, BELOW + 11, 100, 28),
        )  # fmt: skip


def _lines(whole: Plan) -> Iterator[Line]:
    web, bank, vault = middle("site"), middle("payments"), middle("checkout")
    edge_foot, gap = EDGE + LOW, (COLUMN - PLATE) // 2
    left = web + PLATE // 2  # the right side of the web's plate
    yield Line("browser>web", f"M{web} {OUTSIDE + LOW}V{EDGE}")
    yield Line("web>site", f"M{web} {edge_foot}V{SERVICES}")
    yield Line("web>redis", f"M{left} {EDGE + 34}h{2 * gap}")
    yield Line(
        "observer>web",
        f"M{left + 2 * gap} {OUTSIDE + 25}h{6 - gap}l-6 6V{EDGE + 12}l-6 6H{left}",
    )
    bell = middle("identity")
    yield Line(
        "worker-site>redis",
        f"M{web + 24} {SERVICES}V{SECRETS - 14}l12 -12H{bell - 12}l12 -12V{edge_foot}",
    )
    yield Line("payments-gateway>provider", f"M{bank} {EDGE}V{OUTSIDE + LOW}")
    yield Line("payments>payments-gateway", f"M{bank} {SERVICES}V{edge_foot}")
    yield Line("unsealer>openbao", f"M{vault} {OUTSIDE + 32}V{EDGE}")
    for service in STATIONS:
        x = middle(service) + 52
        yield Line(f"openbao>{service}", f"M{vault} {edge_foot}V{SECRETS}H{x}V{SERVICES}")
        yield from _tracks(whole, service)
    yield Line("epmd>rabbitmq", f"M261 {BELOW + 25}H232")
    for column, name in enumerate(ON_THE_MAIN_LINE, start=2):
        yield Line(f"{name}>rabbitmq", f"M{column * COLUMN} {BELOW + 18}V{MAIN + RAIL_GAP}")


def _tracks(whole: Plan, service: str) -> Iterator[Line]:
    x = middle(service)
    for worker in whole.workers(service):
        yield Line(f"rabbitmq>{worker.name}", f"M{x - TRACK} {MAIN}V{CREW}")
        yield Line(f"{worker.name}>{service}", f"M{x - TRACK} {CREW}V{FOOT}")
    yield Line(f"{service}>relay-{service}", f"M{x + TRACK} {FOOT}V{CREW}")
    yield Line(f"relay-{service}>rabbitmq", f"M{x + TRACK} {CREW}V{MAIN}")
    yield Line(f"{service}>postgres-{service}", f"M{x} {FOOT}V{BUFFER}")


def _numbers(whole: Plan) -> Iterator[Number]:
    for service in STATIONS:
        x, state = middle(service), f"s/{service}"
        low = CREW + 12 if len(whole.workers(service)) == 1 else MAIN - 27
        yield Number(x - TRACK + 12, low, f"{state}/consumed_per_second", "rate")
        yield Number(x + TRACK - 12, CREW + 12, f"{state}/published_per_second", "rate", "end")
        yield Number(x - TRACK + 12, MAIN - 12, f"{state}/queue_depth", "n", before="queue ")
        yield Number(
            x, BUFFER + 35, f"{state}/lease/remaining_seconds", "s", "middle", before="lease "
        )


def _stacks() -> Iterator[Stack]:
    for service in STATIONS:
        x = middle(service)
        yield Stack(x - TRACK, MAIN - 7, (0, -4), f"s/{service}/queue_depth")
        yield Stack(x + TRACK, FOOT + 7, (0, 4), f"s/{service}/outbox")


def _column(service: str) -> Column:
    x = middle(service)
    return Column(
        heard=(x - TRACK, MAIN + RAIL_GAP // 2),
        plate_heard=(x - TRACK, FOOT),
        told=(x + TRACK, MAIN + RAIL_GAP // 2),
        plate_told=(x + TRACK, FOOT),
        count=(x, MAIN + RAIL_GAP + 19),
    )
