"""The page of all messages in a real browser: live, without JavaScript, on a phone, in the dark."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from tests.browser.looks import WITHOUT_SCRIPT, OpenPage, sized, width_of

pytestmark = [pytest.mark.platform, pytest.mark.browser]
WITHIN = 15_000  # milliseconds; ends a hanging test, measures nothing


def part(name: str) -> str:
    return f'event-stream [data-part="{name}"]'


def newest_event(page: Page) -> str:
    """Return the newest row's text, which changes when a live event arrives."""
    return page.locator(".events tbody tr").first.inner_text()


def test_a_pause_keeps_the_rows_still_and_counts_what_is_new(page: Page, platform_url: str) -> None:
    page.goto(f"{platform_url}/events/")
    expect(page.locator(part("state"))).to_have_text(re.compile("^live"), timeout=WITHIN)
    table = page.locator("event-stream")
    table.get_by_role("button", name="Pause").click()
    before = newest_event(page)
    resume = page.get_by_role("button", name=re.compile(r"Resume: \d+ new"))
    expect(resume).to_be_visible(timeout=WITHIN)
    assert newest_event(page) == before
    resume.click()
    assert newest_event(page) != before
    expect(table.get_by_role("button", name="Pause")).to_be_visible()


def test_without_the_stream_the_page_says_that_it_reconnects(page: Page, platform_url: str) -> None:
    page.route_web_socket(re.compile("/stream/"), lambda socket: socket.close())
    page.goto(f"{platform_url}/events/")
    expect(page.locator(part("state"))).to_have_text(
        re.compile(r"^reconnecting, \d+ s$"), timeout=WITHIN
    )


def test_why_a_seat_was_refused_is_shown_until_the_next_attempt(
    page: Page, platform_url: str
) -> None:
    sentence = "closed: 40 from your address are watching; no seat"

    def refuse(socket: WebSocketRoute) -> None:
        socket.send(json.dumps({"kind": "state", "state": sentence}))
        socket.close(code=4013)

    page.route_web_socket(re.compile("/stream/"), refuse)
    page.goto(f"{platform_url}/events/")
    expect(page.locator(part("state"))).to_have_text(
        re.compile(rf"^{sentence}; reconnecting, \d+ s$"), timeout=WITHIN
    )


def test_without_javascript_the_latest_events_are_there(
    open_page: OpenPage, platform_url: str
) -> None:
    page = open_page(**WITHOUT_SCRIPT)
    page.goto(f"{platform_url}/events/")
    expect(page.locator(".events tbody tr")).not_to_have_count(0)
    expect(page.locator(part("state"))).to_contain_text("Without JavaScript it stands still")
    expect(page.locator(part("pause"))).to_be_hidden()


@pytest.mark.parametrize("width", [390, 1440])
def test_nothing_is_cut_off_at_any_width(
    open_page: OpenPage, platform_url: str, width: int
) -> None:
    page = open_page(**sized(width))
    page.goto(f"{platform_url}/events/")
    assert width_of(page) == width
