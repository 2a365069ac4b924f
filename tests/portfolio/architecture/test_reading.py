"""The plan shows the state of each part from a snapshot of the observer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from cluster.health.observer.snapshot import OutageSpan, Process, Rates, ServiceState, Snapshot
from cluster.storefront.events import Mark
from portfolio.architecture.drawing import drawings, fit, link_rows, rows
from portfolio.architecture.plan import plan
from portfolio.architecture.queries import (
    NOTHING,
    UNREAD,
    Reading,
    duration,
    reading,
    shown,
    value,
    weight,
)
from portfolio.architecture.shapes import Stack
from portfolio.architecture.timeline import rails

BEGAN = "2026-11-22T10:00:00.000+00:00"


def process(name: str, **known: Any) -> Process:
    service = name.partition("-")[2] or None
    facts = {"status": "running", "healthy": True, "words": "It answers.", **known}
    return Process(name=name, kind="other", service=service, **facts)


def outage(name: str, **known: Any) -> OutageSpan:
    facts = {"cause": "killed by signal 9", "began": BEGAN, **known}
    return OutageSpan(id="1", process=name, service=None, **facts)


def snapshot(*processes: Process, **known: Any) -> Snapshot:
    facts: dict[str, Any] = {"services": [], "links": [], "outages": [], **known}
    return Snapshot(
        at="2026-11-22T10:00:10.000+00:00",
        state="steady",
        words="",
        troubles=[],
        processes=list(processes),
        **facts,
    )


def read(name: str, found: Snapshot | None) -> Reading:
    return reading(plan().nodes[name], found)


def test_without_the_observer_nothing_but_the_readers_browser_is_known() -> None:
    unknown = {name for name in plan().nodes if read(name, None) == UNREAD}
    assert unknown == set(plan().nodes) - {"browser"}


@pytest.mark.parametrize(
    ("known", "mark", "words"),
    [
        ({}, Mark.COMMITTED, "running"),
        ({"status": "starting", "healthy": False}, Mark.IN_FLIGHT, "starting"),
        ({"healthy": None, "words": "Nobody can say."}, Mark.UNKNOWN, "Nobody can say."),
        ({"healthy": False, "words": "It is silent."}, Mark.FAILED, "It is silent."),
    ],
)
def test_a_process_is_as_the_observer_judges_it(
    known: dict[str, Any], mark: Mark, words: str
) -> None:
    assert read("redis", snapshot(process("redis", **known))) == Reading(mark, words)


def test_an_outage_lasts_until_the_observer_says_that_it_is_over() -> None:
    running = process("redis", status="starting")
    away = read("redis", snapshot(running, outages=[outage("redis")]))
    assert away == Reading(Mark.FAILED, "killed by signal 9", BEGAN)
    over = outage("redis", ended=BEGAN, seconds=11.4)
    assert read("redis", snapshot(process("redis"), outages=[over])).mark is Mark.COMMITTED


def test_a_service_names_the_part_that_is_out() -> None:
    orders = ServiceState(name="orders", code="ORD", healthy=False)
    found = read(
        "orders",
        snapshot(
            process("worker-orders"),
            process("postgres-orders"),
            services=[orders],
            outages=[outage("postgres-orders")],
        ),
    )
    assert (found.mark, found.told) == (Mark.FAILED, "postgres: killed by signal 9")


def test_numbers_are_found_by_their_path_and_a_missing_one_is_a_dash() -> None:
    found = snapshot(
        process("redis", probe_ms=0.42, memory_bytes=12_400_000),
        services=[ServiceState(name="orders", code="ORD", healthy=True, outbox=1234)],
        rates=Rates(
            messages_per_second=7.04, checkouts_per_second=0.5, by_type={"orders.told.v1": 0.3}
        ),
    )
    assert shown("s/orders/outbox", "n", found) == "1\N{NO-BREAK SPACE}234"
    assert shown("p/redis/probe_ms", "ms", found) == "0.4 ms"
    assert shown("p/redis/memory_bytes", "mb", found) == "12 MB"
    assert shown("r/messages_per_second", "rate", found) == "7.0/s"
    assert value("r/by_type/orders.told.v1", found) == 0.3
    assert value("r/by_type/never.told.v1", found) == 0.0
    assert shown("s/orders/lease/remaining_seconds", "s", found) == NOTHING
    assert shown("p/nobody/pid", "text", found) == NOTHING
    assert shown("g/running", "n", None) == NOTHING


def test_a_span_is_told_in_the_largest_readable_unit() -> None:
    told = [duration(seconds) for seconds in (0.4, 119, 120, 7199, 7200, 200_000)]
    assert told == ["0 s", "119 s", "2 min", "119 min", "2 h", "2 d"]


def test_a_line_grows_thicker_with_its_rate_up_to_a_limit() -> None:
    assert [weight(rate) for rate in (None, 0, 0.9, 1, 3, 9, 1e6)] == [
        1.5, 1.5, 1.5, 2.25, 3.0, 3.75, 6.0,
    ]  # fmt: skip


def test_waiting_messages_stand_as_ticks_and_only_so_many() -> None:
    stack = Stack(10, 20, (0, -4), "s/orders/outbox", most=3)
    assert [stack.drawn(waiting).count("h10") for waiting in (None, 0, 2, 50)] == [0, 0, 2, 3]


def test_words_that_are_too_long_for_a_plate_are_cut() -> None:
    assert fit("killed by signal 9") == "killed by signal 9"
    assert fit("Its heartbeat is in a database") == "Its heartbeat is in a da…"


def test_everything_is_drawn_without_the_observer() -> None:
    for drawing in drawings(None):
        assert {node.node.name for node in drawing.nodes} == set(plan().nodes)
        assert {link.weight for link in drawing.links} == {1.5}
    assert len(rows(None)) == len(plan().nodes)
    assert len(link_rows(None)) == len(plan().links)


def test_an_outage_is_a_bracket_on_a_rail_of_ten_minutes() -> None:
    at = datetime(2026, 11, 22, 10, 0, 10, tzinfo=UTC)
    found = snapshot(outages=[outage("redis"), outage("web")])
    [rail] = rails(["redis"], found)
    assert datetime.fromisoformat(found.at) == at
    assert [(bracket.x, bracket.width, bracket.words) for bracket in rail.brackets] == [
        (98.33, 1.67, "killed by signal 9, still out")
    ]
