"""The train graph in a real browser: live, paused, by keyboard, on a phone, without motion."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.looks import WITHOUT_SCRIPT, OpenPage, sized, width_of
from tests.conditions import eventually

pytestmark = [pytest.mark.platform, pytest.mark.browser]
WITHIN = 20_000  # milliseconds; ends a hanging test, measures nothing
TRACE = "train-graph a.trace"


@pytest.fixture
def live(page: Page, platform_url: str) -> Page:
    """The page of all messages, its graph following the journal."""
    page.goto(f"{platform_url}/events/")
    expect(page.locator('train-graph [data-part="state"]')).to_have_text(
        re.compile("^live"), timeout=WITHIN
    )
    expect(page.locator(TRACE)).not_to_have_count(0, timeout=WITHIN)
    return page


def left_edge(page: Page) -> str:
    """Return the offset of the traces, which changes with every step of time."""
    return str(page.locator("train-graph g:has(> a.trace)").get_attribute("transform"))


def test_it_goes_live_without_a_complaint_and_time_moves_it(
    live: Page, complaints: list[str]
) -> None:
    before = left_edge(live)
    live.wait_for_function(
        "before => document.querySelector('train-graph a.trace').parentNode"
        ".getAttribute('transform') !== before",
        arg=before,
    )
    assert complaints == []


def test_a_page_has_one_connection_to_the_journal(page: Page, platform_url: str) -> None:
    opened: list[str] = []
    page.on("websocket", lambda socket: opened.append(socket.url))
    page.goto(f"{platform_url}/events/")
    expect(page.locator('event-stream [data-part="state"]')).to_have_text(
        re.compile("^live"), timeout=WITHIN
    )
    assert len([url for url in opened if "/stream/" in url]) == 1


def await_news(page: Page) -> None:
    rows = page.locator(".events tbody tr").first
    newest = rows.get_attribute("data-seq")
    expect(rows).not_to_have_attribute("data-seq", str(newest), timeout=WITHIN)


def test_a_pause_stops_time(live: Page) -> None:
    live.locator("train-graph").get_by_role("button", name="Pause").click()
    await_news(live)  # so that a frame that was being drawn is finished
    before = left_edge(live)
    await_news(live)
    assert left_edge(live) == before


def test_more_seconds_show_what_was_before_the_page_was_opened(live: Page) -> None:
    count = live.locator(TRACE).count()
    live.get_by_role("button", name="60 s").click()
    live.wait_for_function(
        "count => document.querySelectorAll('train-graph a.trace').length > count + 3", arg=count
    )
    expect(live.get_by_role("button", name="60 s")).to_have_attribute("aria-pressed", "true")


def test_the_keyboard_goes_from_trace_to_trace_and_enter_opens_the_saga(live: Page) -> None:
    live.locator("train-graph").get_by_role("button", name="Pause").click()
    # The Tab key stops at one trace of the graph only.
    expect(live.locator(f"{TRACE}[tabindex='0']")).to_have_count(1)
    live.locator(f"{TRACE}[tabindex='0']").focus()
    live.keyboard.press("End")
    last = live.evaluate("document.activeElement.dataset.saga")
    live.keyboard.press("ArrowLeft")
    before = live.evaluate("document.activeElement.dataset.saga")
    assert last != before
    live.keyboard.press("Enter")
    live.wait_for_url(f"**/sagas/{before}/")


def test_pointing_at_a_row_lights_its_trace_and_the_other_way_round(live: Page) -> None:
    live.locator("train-graph").get_by_role("button", name="Pause").click()
    live.locator("event-stream").get_by_role("button", name="Pause").click()
    traces = live.locator(TRACE).evaluate_all("all => all.map(trace => trace.dataset.saga)")
    rows = live.locator(".events tbody tr").evaluate_all("all => all.map(row => row.dataset.saga)")
    saga = next(saga for saga in rows if saga in traces)
    live.locator(f'.events tr[data-saga="{saga}"]').first.hover()
    expect(live.locator(f"{TRACE}.lit")).to_have_attribute("data-saga", saga)
    live.locator("h1").hover()
    expect(live.locator(f"{TRACE}.lit")).to_have_count(0)
    live.locator(f'{TRACE}[data-saga="{saga}"]').focus()
    expect(live.locator(f'.events tr[data-saga="{saga}"]').first).to_have_class(re.compile("lit"))


def test_a_started_checkout_is_drawn_and_listed_until_it_has_ended(
    page: Page, platform_url: str, complaints: list[str]
) -> None:
    page.goto(f"{platform_url}/events/")
    page.get_by_role("button", name="Start and watch").click()
    expect(page.locator("h1")).to_have_text(re.compile(r"^Checkout [1-9][A-Z][0-9]{2}$"))
    expect(page.locator('figure [data-part="words"]')).to_contain_text(
        re.compile("Completed in|Compensated in"), timeout=WITHIN
    )
    ended = page.locator(".events .verb", has_text=re.compile("completed|compensated"))
    expect(ended).to_be_visible(timeout=WITHIN)
    assert complaints == []


def test_with_reduced_motion_the_picture_stands_still(
    open_page: OpenPage, platform_url: str
) -> None:
    page = open_page(reduced_motion="reduce")
    page.goto(f"{platform_url}/events/")
    expect(page.locator(TRACE)).not_to_have_count(0, timeout=WITHIN)
    # The line of the present moves over a still picture, until the graph begins a new page.
    page.wait_for_function(
        """() => {
          const graph = document.querySelector("train-graph");
          const place = graph.querySelector("a.trace").parentNode.getAttribute("transform");
          const now = graph.querySelector(".now path").getAttribute("d");
          const [lastPlace, lastNow] = window.last ?? [place, now];
          window.last = [place, now];
          return place === lastPlace && now !== lastNow;
        }""",
        polling=50,
        timeout=WITHIN,
    )


def test_without_javascript_the_picture_its_words_and_its_table_are_there(
    open_page: OpenPage, platform_url: str
) -> None:
    page = open_page(**WITHOUT_SCRIPT)
    page.goto(f"{platform_url}/events/")
    expect(page.get_by_role("img", name="Train graph of the cluster as it runs")).to_be_visible()
    expect(page.locator(".train-graph .trace")).not_to_have_count(0)
    expect(page.locator("figcaption")).to_contain_text(re.compile(r"\d+ checkouts? in the last"))
    page.get_by_text("The same as a table").click()
    expect(page.locator("details tbody tr")).not_to_have_count(0)


def test_on_a_phone_fewer_seconds_are_shown_and_nothing_scrolls_sideways(
    open_page: OpenPage, platform_url: str
) -> None:
    page = open_page(**sized(375, 700))
    page.goto(f"{platform_url}/events/")
    expect(page.get_by_role("button", name="4 s")).to_have_attribute("aria-pressed", "true")
    assert width_of(page) == 375


def test_a_recording_opens_at_its_fault(open_page: OpenPage, platform_url: str) -> None:
    page = open_page(**sized(390, 844))
    page.goto(f"{platform_url}/")
    recorded = page.locator('train-graph[kind="recorded"]')

    def is_in_the_first_half() -> bool:
        window = recorded.locator(".plot").bounding_box()
        fault = recorded.locator(".outage .bracket").first.bounding_box()
        assert window is not None
        assert fault is not None
        return window["x"] <= fault["x"] < window["x"] + window["width"] / 2

    eventually(is_in_the_first_half, within=WITHIN / 1000)
