"""observations.js in a browser: one socket a page, its state in words, closed while hidden."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page

pytestmark = [pytest.mark.platform, pytest.mark.browser]

# The page has no follower of its own. This adds two.
FOLLOW = """async () => {
  const { followObservations } = await import("/static/kit/observations.js");
  window.seen = { snapshots: 0, words: [] };
  const follower = {
    onSnapshot: (snapshot) => { window.seen.snapshots += 1; window.seen.last = snapshot; },
    onState: (words) => window.seen.words.push(words),
  };
  window.stops = [followObservations(follower), followObservations(follower)];
}"""
HIDE = """(hidden) => {
  Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
  document.dispatchEvent(new Event("visibilitychange"));
}"""
SEEN = "() => window.seen"


@pytest.fixture
def sockets(page: Page, platform_url: str) -> list[Any]:
    """The sockets to the observations that a page with two followers has opened."""
    opened: list[Any] = []
    page.on("websocket", lambda ws: opened.append(ws) if "/observations/" in ws.url else None)
    page.goto(f"{platform_url}/about/")
    page.evaluate(FOLLOW)
    page.wait_for_function("() => window.seen.snapshots >= 4")
    return opened


def test_all_followers_of_a_page_share_one_socket(
    page: Page, sockets: list[Any], complaints: list[str]
) -> None:
    assert len(sockets) == 1
    seen = page.evaluate(SEEN)
    assert seen["words"] == ["connecting", "connecting", "live", "live"]
    assert seen["last"]["processes"]
    assert complaints == []


def test_a_hidden_page_hangs_up_and_resumes_when_it_is_seen(page: Page, sockets: list[Any]) -> None:
    page.evaluate(HIDE, True)
    page.wait_for_function("() => window.seen.words.at(-1).startsWith('paused')")
    if not sockets[0].is_closed():  # the server may still have to answer the close
        sockets[0].wait_for_event("close")
    count = page.evaluate(SEEN)["snapshots"]
    page.evaluate(HIDE, False)
    page.wait_for_function(f"() => window.seen.snapshots > {count}")
    assert len(sockets) == 2


def test_who_has_stopped_hears_nothing_and_the_last_one_hangs_up(
    page: Page, sockets: list[Any]
) -> None:
    page.evaluate("() => window.stops[0]()")
    assert not sockets[0].is_closed()
    with page.expect_event("websocket", predicate=lambda _: True, timeout=10_000) as again:
        page.evaluate("() => window.stops[1]()")
        page.evaluate(FOLLOW)
    assert "/observations/" in again.value.url


def test_a_lost_connection_is_told_in_words_and_mended(page: Page, sockets: list[Any]) -> None:
    page.context.set_offline(True)
    page.evaluate("() => window.stops.forEach((stop) => stop())")
    page.evaluate(FOLLOW)
    page.wait_for_function("() => window.seen.words.some((w) => w.startsWith('reconnecting, '))")
    page.context.set_offline(False)
    page.wait_for_function("() => window.seen.words.at(-1) === 'live'", timeout=30_000)
    assert len(sockets) >= 2
