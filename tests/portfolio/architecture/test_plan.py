"""The plan draws every process and every link in both layouts, and names existing sources."""

from __future__ import annotations

from collections import Counter
from html.parser import HTMLParser
from itertools import combinations
from pathlib import Path

import pytest
from django.template.loader import render_to_string

from cluster.kit.source.resolve import locate
from compose.processes import PORTS, local_servers, services
from compose.run_directory import RunDirectory
from config.environment import DATABASES
from portfolio.architecture import drawing as drawings
from portfolio.architecture import layout_desktop, layout_mobile, layout_service
from portfolio.architecture.descriptions import command_of, knowledge
from portfolio.architecture.plan import ALIASES, Kind, plan
from portfolio.architecture.shapes import Arrangement, Place, Shape
from portfolio.architecture.tables import messaging_tables, own_tables

ARRANGEMENTS = [layout_desktop.arrangement(), layout_mobile.arrangement()]
YARDS = [one for service in DATABASES for one in layout_service.yards(service)]


def processes() -> list[str]:
    """Return every process of a platform all of whose servers run locally."""
    ports = {name: 20000 + number for number, name in enumerate(PORTS)}
    servers = local_servers(RunDirectory(Path("/nowhere")), ports, {})
    return [server.name for server in servers] + [process.name for process in services()]


def test_every_process_is_on_the_plan_exactly_once() -> None:
    assert Counter(node.name for node in plan().processes()) == Counter(processes())


def test_every_link_has_two_known_ends_and_a_name_of_its_own() -> None:
    links = plan().links
    assert {end for link in links for end in (link.source, link.target)} <= set(plan().nodes)
    assert len({link.name for link in links}) == len(links)


class _Links(HTMLParser):
    """A parser that collects the name of each link of a plan, and the text drawn in it."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[tuple[str, str]] = []
        self._within = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.links.append((dict(attrs)["aria-label"] or "", ""))
            self._within = True

    def handle_endtag(self, tag: str) -> None:
        self._within = self._within and tag != "a"

    def handle_data(self, data: str) -> None:
        if self._within:
            name, text = self.links[-1]
            self.links[-1] = (name, text + data)


@pytest.mark.parametrize(
    "arrangement",
    [*ARRANGEMENTS, *(one.arrangement for one in YARDS)],
    ids=lambda one: f"{one.name}-{next(iter(one.columns))}",
)
def test_what_is_seen_of_a_link_is_part_of_its_name(arrangement: Arrangement) -> None:
    drawing = drawings.draw(arrangement, None)
    parsed = _Links()
    parsed.feed(
        render_to_string(
            "portfolio/architecture/plan.html",
            {"drawing": drawing, "a": arrangement, "label": "Plan", "sidings": []},
        )
    )

    assert len(parsed.links) == len(arrangement.places)
    for (name, text), drawn in zip(parsed.links, drawing.nodes, strict=True):
        assert " ".join(text.split()).casefold() in name.casefold()
        assert drawn.label.casefold() in name.casefold()  # some labels stand beside their link


def test_no_node_stands_apart() -> None:
    assert [name for name in plan().nodes if not plan().links_of(name)] == []


@pytest.mark.parametrize("arrangement", ARRANGEMENTS, ids=lambda one: one.name)
def test_each_arrangement_draws_every_node_and_every_link_once(arrangement: Arrangement) -> None:
    assert Counter(place.node for place in arrangement.places) == Counter(list(plan().nodes))
    assert Counter(line.link for line in arrangement.lines) == Counter(
        link.name for link in plan().links
    )


@pytest.mark.parametrize(
    "arrangement",
    [*ARRANGEMENTS, *(one.arrangement for one in YARDS)],
    ids=lambda one: f"{one.name}-{next(iter(one.columns))}",
)
def test_what_can_be_pressed_lies_within_the_plan_apart_and_is_large_enough(
    arrangement: Arrangement,
) -> None:
    for place in arrangement.places:
        x, y, width, height = place.box
        assert min(width, height) >= 24, place.node
        assert min(x, y) >= 0, place.node
        assert x + width <= arrangement.width, place.node
        assert y + height <= arrangement.height, place.node
    overlapping = [
        (one.node, other.node)
        for one, other in combinations(arrangement.places, 2)
        if overlap(one, other)
    ]
    assert overlapping == []


def overlap(one: Place, other: Place) -> bool:
    (x, y, width, height), (left, top, wide, tall) = one.box, other.box
    return x < left + wide and left < x + width and y < top + tall and top < y + height


@pytest.mark.parametrize("service", DATABASES)
def test_an_enlarged_service_shows_all_its_parts_and_their_links(service: str) -> None:
    parts = {node.name for node in plan().parts(service)}
    for one in layout_service.yards(service):
        assert parts <= {place.node for place in one.arrangement.places}
        names = {link.name for link in plan().links}
        assert {line.link for line in one.arrangement.lines} <= names
        assert [siding.name for siding in one.sidings][-2:] == ["outbox", "dead_letter"]


def test_every_source_that_is_named_exists() -> None:
    targets = {
        target
        for node in plan().nodes.values()
        for target in (
            knowledge(node).source,
            *(target for pattern in knowledge(node).patterns for target in pattern.sources),
        )
        if target
    }
    tables = [table for service in DATABASES for table in own_tables(service)]
    targets |= {table.source for table in (*tables, *messaging_tables())}
    assert [target for target in sorted(targets) if not locate(target).path] == []


def test_every_process_says_what_it_is_for_and_how_it_is_started() -> None:
    for node in plan().processes():
        assert knowledge(node).purpose
        assert command_of(node), node.name
        assert "/" not in command_of(node).split()[0], node.name


def test_an_alias_is_no_node_and_leads_to_one() -> None:
    assert set(ALIASES) & set(plan().nodes) == set()
    assert set(ALIASES.values()) <= set(plan().nodes)


def test_a_service_has_a_plate_and_a_database_a_buffer_stop() -> None:
    for arrangement in ARRANGEMENTS:
        shapes = {place.node: place.shape for place in arrangement.places}
        for node in plan().nodes.values():
            if node.kind is Kind.SERVICE:
                assert shapes[node.name] is Shape.PLATE
            if node.kind is Kind.DATABASE:
                assert shapes[node.name] is Shape.STOP
