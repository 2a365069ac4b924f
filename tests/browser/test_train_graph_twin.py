"""The graph's code in the browser places everything exactly where its code on the server does.

`events.json` is a stretch of a real journal: checkouts that completed, one that the provider
never answered, and one declined. The outages are made up, since the test compares geometry alone.
"""

from __future__ import annotations

import json
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
import pytest
from playwright.sync_api import Browser, Route

from cluster.kit.graph.draw import summary, told
from cluster.kit.graph.layout import Frame, place
from cluster.kit.graph.model import GraphEvent, Traffic, milliseconds, outage, read_traffic
from cluster.kit.graph.scale import Break, Scale
from config.environment import ROOT

pytestmark = pytest.mark.browser

SERVED: Final = "http://checkout.test"  # no such host: the test answers
DRAW: Final = f"""async (asked) => {{
  const {{ draw }} = await import("{SERVED}/tests/browser/train_graph_twin.mjs");
  return draw(asked);
}}"""
EVENTS: Final = json.loads((ROOT / "tests" / "kit" / "graph" / "events.json").read_text())
FIRST: Final = milliseconds(EVENTS[0]["time"])
LAST: Final = milliseconds(EVENTS[-1]["time"])
OUTAGES: Final = [
    {"id": "a", "process": "worker-payments", "service": "payments", "cause": "killed by signal 9",
     "began": "2026-11-22T23:39:53.400Z", "ended": "2026-11-22T23:39:58.020Z"},
    {"id": "b", "process": "relay-payments", "service": "payments", "cause": "not answering",
     "began": "2026-11-22T23:39:55.000Z", "ended": None},
    {"id": "c", "process": "rabbitmq", "service": None, "cause": "exited",
     "began": "2026-11-22T23:39:59.000Z", "ended": None},
]  # fmt: skip


def frame(pixels: float, *, at: int = LAST, **rest: Any) -> Frame:
    begins = rest.pop("begins", FIRST - 100)
    return Frame(
        scale=Scale(rest.pop("origin", begins), pixels, rest.pop("breaks", ())),
        begins=begins,
        ends=LAST + 500,
        at=at,
        width=rest.pop("width", 1004.0),
        **rest,
    )


FRAMES: Final = {
    "the last seconds": frame(0.08, moving=True),
    "a phone": frame(0.067, width=312.0, begins=LAST - 4000, moving=True),
    "a minute": frame(0.016, moving=True, origin=FIRST - 50_000),
    "played to its middle": frame(0.08, at=(FIRST + LAST) // 2),
    "time left out": frame(0.1, breaks=(Break(FIRST + 4000, FIRST + 5000),)),
    "counted from the beginning": frame(0.08, counted_from=FIRST, top=34),
    "a moment": frame(4.0, at=FIRST + 150, counted_from=FIRST),
}


@pytest.fixture(scope="module")
def twin(browser: Browser) -> Any:
    """The journeys and the scenes that the browser's code makes of the fixture."""
    page = browser.new_page()
    page.route(f"{SERVED}/**", serve_the_checkout)
    page.goto(f"{SERVED}/")
    asked = {
        "events": EVENTS,
        "outages": OUTAGES,
        "frames": msgspec.to_builtins([*FRAMES.values()]),
    }
    return page.evaluate(DRAW, asked)


def serve_the_checkout(route: Route) -> None:
    """Answer a path of SERVED with the file of the repository, and the root with an empty page."""
    path = urlsplit(route.request.url).path.lstrip("/")
    if path:
        route.fulfill(body=(ROOT / path).read_bytes(), content_type="text/javascript")
    else:
        route.fulfill(body="<!doctype html><title>Twin</title>", content_type="text/html")


@pytest.fixture(scope="module")
def traffic() -> Traffic:
    events = [
        GraphEvent(
            seq=event["seq"],
            at=milliseconds(event["time"]),
            code=event["code"],
            type=event["type"],
            mark=event["mark"],
            verb=event["verb"],
            saga=event["correlation"],
            headcode=event["headcode"],
        )
        for event in EVENTS
    ]
    return read_traffic(events)


def test_both_read_the_same_journeys(twin: Any, traffic: Traffic) -> None:
    assert msgspec.to_builtins(traffic) == twin["traffic"]


def test_both_read_the_same_outages(twin: Any) -> None:
    assert msgspec.to_builtins([outage(span) for span in OUTAGES]) == twin["spans"]


@pytest.mark.parametrize("name", FRAMES)
def test_both_place_everything_at_the_same_pixel(twin: Any, traffic: Traffic, name: str) -> None:
    wanted = FRAMES[name]
    theirs = twin["scenes"][list(FRAMES).index(name)]["scene"]
    ours = msgspec.to_builtins(place(traffic, [outage(span) for span in OUTAGES], wanted))
    # Breaks and flags are placed by the recording's module.
    assert ours | {"breaks": []} == theirs


def test_both_say_the_same(twin: Any, traffic: Traffic) -> None:
    for wanted, theirs in zip(FRAMES.values(), twin["scenes"], strict=True):
        spans = [outage(span) for span in OUTAGES]
        assert summary(traffic, spans, wanted, during="here") == theirs["words"]
    assert [told(journey) for journey in traffic.journeys] == twin["told"]
