"""An open chaos page outlives the servers behind it, says so, and misses no event."""

from __future__ import annotations

import re
from typing import Any, Final

import pytest
from playwright.sync_api import Page, expect

from tests.cluster.cluster import Cluster
from tests.conditions import eventually

WITHIN: Final = 30_000  # milliseconds; ends a hanging test, measures nothing
A_RUN: Final = 90_000  # milliseconds; the same
pytestmark = [pytest.mark.platform, pytest.mark.browser, pytest.mark.fault]

# One more follower of the page's own feed. It records the same events as the parts of the page.
FOLLOW: Final = r"""async () => {
  window.seen = [];
  const modules = performance.getEntriesByType("resource").map(({ name }) => name);
  const feed = modules.find((name) => /journal-feed[^/]*\.js$/.test(name));
  const { followJournal } = await import(feed);
  followJournal("/stream/", {
    onEvents: (events) => window.seen.push(...events.map(({ seq }) => seq)),
    onState: () => {},
  });
}"""


def state(page: Page, words: str) -> None:
    """Wait until the graph shows a state that matches `words` (a regular expression)."""
    told = page.locator('train-graph [data-part="state"]').first
    expect(told).to_have_text(re.compile(words), timeout=WITHIN)


def goes_on(page: Page) -> None:
    """Wait until the stream is live and brings further events."""
    state(page, "^live")
    before = page.evaluate("window.seen.length")
    page.wait_for_function("(before) => window.seen.length > before", arg=before, timeout=WITHIN)


def test_a_page_outlives_what_serves_it_and_sees_each_seq_once(
    page: Page, platform_url: str, cluster: Cluster
) -> None:
    page.goto(f"{platform_url}/chaos/")
    state(page, "^live")
    page.evaluate(FOLLOW)
    goes_on(page)

    cluster.supervisor.kill("redis")
    goes_on(page)

    cluster.supervisor.kill("postgres-site")
    goes_on(page)

    with cluster.paused("web"):
        state(page, r"^reconnecting, \d+ s$|^connecting$")
    goes_on(page)

    seen = page.evaluate("window.seen")
    assert seen == list(range(seen[0], seen[-1] + 1))


def test_a_stream_that_says_nothing_is_given_up(page: Page, platform_url: str) -> None:
    """The server does not close the connection, as when it is paused, or a cable is cut."""
    opened: list[Any] = []

    def stay_silent(socket: Any) -> None:
        opened.append(socket)

    page.route_web_socket(re.compile("/stream/"), stay_silent)
    page.clock.install()
    page.goto(f"{platform_url}/events/")
    told = page.locator('event-stream [data-part="state"]')
    expect(told).to_have_text("connecting", timeout=WITHIN)

    page.clock.fast_forward(10_000)

    expect(told).to_have_text(re.compile(r"^reconnecting, \d+ s$"), timeout=WITHIN)
    page.clock.fast_forward(2_000)
    eventually(lambda: len(opened) > 1)


@pytest.mark.full
def test_the_drill_of_a_storm_begins_with_a_click_and_can_be_stopped(
    page: Page, platform_url: str
) -> None:
    page.goto(f"{platform_url}/chaos/")
    drill = page.locator(".drill", has=page.locator('chaos-drill[experiment="storm"]'))
    here = drill.locator(".here h4")

    drill.get_by_role("button", name="Start: a storm").click()

    expect(page.locator('[data-part="answer"]')).to_contain_text(
        re.compile("queued as number|it runs now"), timeout=WITHIN
    )
    # The first fault comes within seconds of the click, perhaps before the page has looked.
    expect(here).to_have_text(re.compile("The platform at work|One after another"), timeout=WITHIN)
    page.get_by_role("button", name=re.compile("^(Stop it|Withdraw)")).click()
    expect(page.locator('[data-part="answer"]')).to_contain_text(
        re.compile("wants it to stop|was withdrawn"), timeout=WITHIN
    )
    expect(page.locator('[data-part="answer"]')).to_be_focused()
    expect(here).to_have_count(0, timeout=A_RUN)
