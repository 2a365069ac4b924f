"""The plan for a narrow page: the main line runs down the left, services below one another."""

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

WIDTH: Final = 358
MAIN: Final = 12  # the left rail of the main line
JOIN: Final = MAIN + RAIL_GAP  # where tracks leave it
PLATE: Final = 152
RIGHT: Final = 334  # the right side of the services' plates
SECRETS: Final = 350  # the dotted line of leases
TALL: Final = 82  # of a service's plate
LOW: Final = 48
CREW: Final = 46  # the marks of workers and relays
WATCH: Final = 118  # the mark of the watchdog
PROXY: Final = 96  # the mark of the fault proxy
RUNNER: Final = 148  # the mark of the chaos runner
HEARD: Final = 24  # below the top of a plate: the worker's track
TOLD: Final = 66  # below the top of a plate: the relay's track
BUFFER: Final = 18  # below the foot of a plate
BLOCK: Final = 138  # from one service to the next
OUTSIDE: Final = 148
EDGE: Final = OUTSIDE + LOW + 32
FIRST: Final = EDGE + LOW + 44
LEFT: Final = RIGHT - PLATE - 16  # of a service's plate
WIDE: Final = RIGHT - LEFT  # … and its width


def top(service: str) -> int:
    """Return the y of the top of a service's plate.

    The gateway and the provider stand below payments, and move the later services down.
    """
    index = STATIONS.index(service)
    after_payments = index > STATIONS.index("payments")
    return FIRST + BLOCK * index + (136 if after_payments else 0)


@cache
def arrangement() -> Arrangement:
    """Return the plan, 358 units wide: one unit is a pixel on a phone of 390."""
    whole = plan()
    numbers, titles, rules = title_block(left=4, right=WIDTH - 4, top=0, step=25)
    end = _end()
    return Arrangement(
        name="narrow",
        width=WIDTH,
        height=end + 128,
        places=(*_surroundings(), *_stations(whole), *_below(end)),
        lines=tuple(_lines(whole, end)),
        numbers=(*numbers, *_numbers(whole)),
        titles=titles,
        rules=rules,
        main_line=(f"M{MAIN} {FIRST - 14}V{end}", f"M{JOIN} {FIRST - 14}V{end}"),
        columns={service: _column(service) for service in STATIONS},
        stacks=tuple(_stacks()),
        count_anchor="start",
    )


def _end() -> int:
    return top(STATIONS[-1]) + BLOCK + 44


def _surroundings() -> Iterator[Place]:
    yield Place("browser", Shape.PLATE, 4, OUTSIDE, PLATE, LOW)
    yield Place("web", Shape.PLATE, 4, EDGE, PLATE, LOW)
    yield Place("observer", Shape.PLATE, RIGHT - PLATE, OUTSIDE, PLATE, LOW)
    yield Place("redis", Shape.PLATE, RIGHT - PLATE, EDGE, PLATE, LOW)


def _stations(whole: Plan) -> Iterator[Place]:
    for service in STATIONS:
        y = top(service)
        yield Place(service, Shape.PLATE, LEFT, y, WIDE, TALL)
        workers = whole.workers(service)
        for number, worker in enumerate(workers):
            x = CREW + 15 * number
            yield Place(
                worker.name, Shape.STATION, x, y + HEARD,
                label=(x + 11, y + HEARD - 6) if len(workers) == 1 else (x, y + HEARD - 10),
                anchor="start" if len(workers) == 1 else "middle",
                hit=(x - 14, y + HEARD - 22, 64 if len(workers) == 1 else 15, 40),
                text="" if len(workers) == 1 else str(number + 1),
            )  # fmt: skip
        yield Place(
            f"relay-{service}", Shape.STATION, CREW, y + TOLD, label=(CREW + 11, y + TOLD - 6),
            hit=(CREW - 14, y + TOLD - 22, 64, 40),
        )  # fmt: skip
        stop = y + TALL + BUFFER
        yield Place(
            f"postgres-{service}", Shape.STOP, RIGHT - 20, stop,
            label=(RIGHT - 42, stop - 1), anchor="end", hit=(LEFT, stop - 15, WIDE + 4, 30),
        )  # fmt: skip
        if service == "payments":
            yield Place("payments-gateway", Shape.PLATE, LEFT, y + BLOCK, WIDE, LOW)
            yield Place("provider", Shape.PLATE, LEFT, y + BLOCK + LOW + 18, WIDE, LOW)


def _below(end: int) -> Iterator[Place]:
    yield Place(
        "beat", Shape.STATION, CREW, end - 36, label=(CREW + 14, end - 31),
        hit=(CREW - 14, end - 54, 48, 36),
    )  # fmt: skip
    yield Place(
        "link-proxy", Shape.STATION, PROXY, end - 36, label=(PROXY + 14, end - 31),
        hit=(PROXY - 14, end - 54, 50, 36),
    )  # fmt: skip
    yield Place(
        "chaos-runner", Shape.STATION, RUNNER, end - 36, label=(RUNNER + 14, end - 31),
        hit=(RUNNER - 14, end - 54, 76, 36),
    )  # fmt: skip
    yield Place("rabbitmq", Shape.PLATE, 4, end, PLATE, LOW)
    yield Place("openbao", Shape.PLATE, RIGHT - PLATE, end, PLATE, LOW)
    y = end + LOW + 36
    yield Place(
        "epmd", Shape.STATION, CREW, y, label=(CREW + 14, y + 5), hit=(CREW - 14, y - 18, 68, 36)
    )
    yield Place(
        "watchdog", Shape.STATION, WATCH, y, label=(WATCH + 14, y + 5),
        hit=(WATCH - 14, y - 18, 90, 36),
    )  # fmt: skip
    yield Place(
        "unsealer", Shape.STATION, RIGHT - PLATE + 34, y, label=(RIGHT - PLATE + 48, y + 5),
        hit=(RIGHT - PLATE + 20, y - 18, 96, 36),
    )  # fmt: skip


def _lines(whole: Plan, end: int) -> Iterator[Line]:
    near = RIGHT - PLATE
    yield Line("browser>web", f"M44 {OUTSIDE + LOW}V{EDGE}")
    yield Line("observer>web", f"M{near + 24} {OUTSIDE + LOW}v6l-10 10H130l-10 10V{EDGE}")
    yield Line("web>redis", f"M{4 + PLATE} {EDGE + 24}H{near}")
    yield Line("web>site", f"M100 {EDGE + LOW}v8l14 14H{LEFT + 8}l14 14V{FIRST}")
    yield Line("worker-site>redis", f"M{RIGHT - 60} {FIRST}V{EDGE + LOW}")
    bank = top("payments")
    yield Line("payments>payments-gateway", f"M{LEFT + 22} {bank + TALL}V{bank + BLOCK}")
    yield Line("payments-gateway>provider", f"M{LEFT + 22} {bank + BLOCK + LOW}v18")
    for service in STATIONS:
        y = top(service)
        yield Line(f"openbao>{service}", f"M{RIGHT} {end + 24}H{SECRETS}V{y + 44}H{RIGHT}")
        for worker in whole.workers(service):
            yield Line(f"rabbitmq>{worker.name}", f"M{JOIN} {y + HEARD}H{CREW}")
            yield Line(f"{worker.name}>{service}", f"M{CREW} {y + HEARD}H{LEFT}")
        yield Line(f"{service}>relay-{service}", f"M{LEFT} {y + TOLD}H{CREW}")
        yield Line(f"relay-{service}>rabbitmq", f"M{CREW} {y + TOLD}H{JOIN}")
        yield Line(f"{service}>postgres-{service}", f"M{RIGHT - 20} {y + TALL}v{BUFFER}")
    yield Line("beat>rabbitmq", f"M{CREW - 7} {end - 36}H{JOIN}")
    yield Line("link-proxy>rabbitmq", f"M{PROXY} {end - 29}V{end}")
    yield Line("chaos-runner>rabbitmq", f"M{RUNNER} {end - 29}V{end}")
    yield Line("epmd>rabbitmq", f"M{CREW} {end + LOW + 29}V{end + LOW}")
    yield Line("watchdog>rabbitmq", f"M{WATCH} {end + LOW + 29}V{end + LOW}")
    yield Line("unsealer>openbao", f"M{near + 34} {end + LOW + 29}V{end + LOW}")


def _numbers(whole: Plan) -> Iterator[Number]:
    for service in STATIONS:
        y, state = top(service), f"s/{service}"
        alone = len(whole.workers(service)) == 1
        above = y + HEARD + (-6 if alone else 16)
        yield Number(LEFT - 6, above, f"{state}/consumed_per_second", "rate", "end")
        yield Number(LEFT - 6, y + TOLD - 6, f"{state}/published_per_second", "rate", "end")
        yield Number(CREW + 11, y + HEARD + 16, f"{state}/queue_depth", "n", before="queue ")
        yield Number(
            RIGHT - 42, y + TALL + BUFFER + 15, f"{state}/lease/remaining_seconds", "s", "end",
            before="lease ",
        )  # fmt: skip


def _stacks() -> Iterator[Stack]:
    for service in STATIONS:
        y = top(service)
        yield Stack(JOIN + 6, y + HEARD, (3, 0), f"s/{service}/queue_depth", most=5)
        yield Stack(LEFT - 6, y + TOLD, (-4, 0), f"s/{service}/outbox")


def _column(service: str) -> Column:
    y = top(service)
    return Column(
        heard=(MAIN + RAIL_GAP // 2, y + HEARD),
        plate_heard=(LEFT, y + HEARD),
        told=(MAIN + RAIL_GAP // 2, y + TOLD),
        plate_told=(LEFT, y + TOLD),
        count=(JOIN + 8, y + TALL + BUFFER),
    )
