"""A visitor breaks the platform in a real browser, watches it recover, and reads the report."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

import pytest
from playwright.sync_api import Error, Page, expect

from tests.browser.looks import WITHOUT_SCRIPT, OpenPage, sized, violations, width_of
from tests.conditions import eventually

pytestmark = [pytest.mark.platform, pytest.mark.browser]
WITHIN: Final = 20_000  # milliseconds; ends a hanging test, measures nothing
A_RUN: Final = 120_000  # milliseconds in which any run ends
VISIBLE_WITHIN: Final = 1.0  # seconds from a death to its bracket on the graph
KEEPS_AWAY: Final = 400  # presses of the Tab key after which a control counts as unreachable

# The form of a run that waits, without a string of HTML, which Trusted Types forbid.
OWN_RUN: Final = """(queue, action) => {
  const form = Object.assign(document.createElement("form"), { method: "post", action });
  form.append(Object.assign(document.createElement("button"), { textContent: "Stop it" }));
  queue.replaceChildren(form);
}"""

# Records the time at which each bracket first appears on the graph, by the page's own clock.
RECORD_BRACKETS: Final = """() => {
  window.shown = {};
  const graph = document.querySelector("train-graph");
  new MutationObserver(() => {
    for (const { dataset } of graph.querySelectorAll("[data-outage]")) {
      window.shown[dataset.outage] ??= Date.now() / 1000;
    }
  }).observe(graph, { childList: true, subtree: true });
}"""
# Lets the stage look as during a run, although each snapshot says that nothing runs.
STAYS_RUNNING: Final = """() => {
  const stage = document.querySelector("chaos-now");
  const run = () => { if (stage.className !== "running") stage.className = "running"; };
  new MutationObserver(run).observe(stage, { attributes: true, attributeFilter: ["class"] });
  run();
}"""
SMALL_TARGETS: Final = """(least) => [...document.querySelectorAll(
    "button, summary, select, input:not([type=hidden]), .jumps a, th a")]
  .filter((element) => element.closest("main"))
  .filter((element) => element.checkVisibility())
  .map((element) => [element.textContent.trim().slice(0, 30), element.getBoundingClientRect()])
  .filter(([, { height, width }]) => height > 1 && (height < least || width < 24))
  .map(([text, { height }]) => `${text}: ${height}`)"""


def went_live(page: Page, url: str) -> None:
    page.goto(f"{url}/chaos/")
    state = page.locator('train-graph [data-part="state"]')
    expect(state).to_have_text(re.compile("^live"), timeout=WITHIN)


def outages(page: Page, url: str, process: str) -> list[dict[str, Any]]:
    """Return the recent outages of a process, as the observer reports them."""
    snapshot: dict[str, Any] = page.request.get(f"{url}/status.json").json()
    return [span for span in snapshot["outages"] if span["process"] == process]


@pytest.mark.fault
def test_a_stranger_kills_the_broker_sees_it_heal_and_reads_the_proof(
    open_page: OpenPage, platform_url: str, complaints: list[str]
) -> None:
    page = open_page(**sized(1440), color_scheme="light")
    went_live(page, platform_url)
    earlier = {span["id"] for span in outages(page, platform_url, "rabbitmq")}
    page.evaluate(RECORD_BRACKETS)

    page.get_by_role("button", name="Kill the broker", exact=True).click()

    answer = page.locator('[data-part="answer"]')
    expect(answer).to_contain_text(re.compile("queued as number 1|it runs now"), timeout=WITHIN)
    here = page.locator('chaos-now [aria-current="step"]')
    expect(here).to_have_text("Break", timeout=A_RUN)
    expect(page.locator("chaos-drill").first.locator(".here h4")).to_have_text("The signal")
    row = page.locator('[data-process="rabbitmq"]')
    expect(row).to_have_class("failed", timeout=WITHIN)
    order = page.locator('chaos-now [data-part="order"]')
    expect(order).to_have_text(re.compile("^Your order .*, waiting for .*rabbitmq"), timeout=WITHIN)
    expect(page.locator("train-graph .trace.own")).to_have_count(1)
    expect(row).to_have_class("committed", timeout=A_RUN)
    expect(order).to_have_text(re.compile(": completed in .*, charged once.$"), timeout=A_RUN)
    expect(page.locator("train-graph .ring").first).to_be_visible(timeout=WITHIN)
    expect(answer).to_contain_text("it has ended", timeout=A_RUN)

    [death] = [s for s in outages(page, platform_url, "rabbitmq") if s["id"] not in earlier]
    shown = page.evaluate("window.shown")[death["id"]]
    assert shown - datetime.fromisoformat(death["began"]).timestamp() < VISIBLE_WITHIN
    assert complaints == []

    answer.get_by_role("link", name="Read the report").click()
    expect(page.locator(".verdict")).to_have_text("passed")
    expect(page.get_by_text("violated", exact=True)).to_have_count(0)
    expect(page.get_by_text("undecided", exact=True)).to_have_count(0)
    expect(page.get_by_text("Whole.", exact=True)).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name="Play").click()
    expect(page.locator('train-graph [data-part="state"]')).to_contain_text("s of ")


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_button_sentence_stations_and_graph_are_on_the_first_screen(
    open_page: OpenPage, platform_url: str, *, width: int, height: int
) -> None:
    page = open_page(**sized(width, height))
    went_live(page, platform_url)
    for part in (
        page.get_by_role("button", name="Kill the broker", exact=True),
        page.locator("chaos-now .now-words"),
        page.locator("chaos-now .stations"),
        page.locator("chaos-now .plot .rail.shared").last,
    ):
        box = part.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= height


def test_a_phone_keeps_a_small_graph_in_sight_while_something_is_broken(
    open_page: OpenPage, platform_url: str
) -> None:
    page = open_page(**sized(390, 844))
    went_live(page, platform_url)
    page.evaluate(STAYS_RUNNING)
    page.locator("#incidents-title").scroll_into_view_if_needed()
    graph = page.locator("chaos-now train-graph")
    expect(graph).to_be_in_viewport(timeout=WITHIN)
    box = graph.bounding_box()
    assert box is not None
    assert box["height"] <= 844 / 3
    assert width_of(page) == 390


def test_whoever_breaks_something_further_down_is_taken_to_the_stage(
    page: Page, platform_url: str
) -> None:
    page.route("**/chaos/runs/", lambda route: route.fulfill(status=403, json={"detail": "No."}))
    page.goto(f"{platform_url}/chaos/")
    page.locator(".pick").get_by_role("button", name="Break it").click()
    expect(page.locator('[data-part="answer"]')).to_have_text("No.", timeout=WITHIN)
    expect(page.locator("chaos-now .plot").first).to_be_in_viewport(ratio=0.9, timeout=WITHIN)


@pytest.mark.fault
@pytest.mark.full
def test_without_javascript_a_stranger_kills_the_web_server_that_serves_him(
    open_page: OpenPage, platform_url: str
) -> None:
    page = open_page(**sized(390, 844), color_scheme="dark", **WITHOUT_SCRIPT)
    page.goto(f"{platform_url}/chaos/")
    page.get_by_label("Experiment").select_option("kill-web")
    page.locator(".pick").get_by_role("button", name="Break it").click()
    page.wait_for_url(re.compile("/chaos/runs/"), wait_until="commit")

    def the_run_is_shown() -> bool:
        if page.locator("h1").all_text_contents() == ["Kill the web server"]:
            return True
        with suppress(Error):  # the signal may come before the page
            page.reload()
        return False

    eventually(the_run_is_shown, within=WITHIN / 1000, every=1.0)

    def the_report_is_there() -> bool:
        try:
            page.reload()
        except Error:  # the web server is being killed, as the visitor asked
            return False
        return "/chaos/incidents/" in page.url

    eventually(the_report_is_there, within=A_RUN / 1000, every=1.0)
    expect(page.locator(".verdict")).to_have_text("passed")


@pytest.mark.parametrize(("scheme", "width"), [("light", 390), ("dark", 1440)])
def test_with_reduced_motion_it_goes_live_too_and_nothing_complains(
    open_page: OpenPage,
    platform_url: str,
    complaints: list[str],
    *,
    scheme: str,
    width: int,
) -> None:
    page = open_page(**sized(width), color_scheme=scheme, reduced_motion="reduce")
    went_live(page, platform_url)
    expect(page.locator('chaos-now [data-part="facts"]')).to_have_text(
        re.compile("^(seen at|since)"), timeout=WITHIN
    )
    assert width_of(page) == width
    assert complaints == []


def test_a_keyboard_reaches_the_drill_and_every_family_of_the_catalogue(
    open_page: OpenPage, platform_url: str
) -> None:
    page = open_page(**sized(1440))
    page.goto(f"{platform_url}/chaos/")
    reached = tabbed_to(page, "Kill the broker")
    assert reached.startswith("Kill the broker")
    assert tabbed_to(page, "Killed").startswith("Killed")
    page.keyboard.press("Enter")
    expect(page.locator("#family-kills")).to_have_attribute("open", "")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.name") == "experiment"


def tabbed_to(page: Page, words: str) -> str:
    """Press Tab until the text of the focused element begins with `words`, and return the text."""
    for _ in range(KEEPS_AWAY):
        page.keyboard.press("Tab")
        text = str(page.evaluate("document.activeElement.textContent")).strip()
        if text.startswith(words):
            return text
    raise AssertionError(f"the keyboard does not reach {words!r}")


@pytest.mark.parametrize(("touch", "width", "least"), [(False, 1440, 24), (True, 390, 44)])
def test_what_can_be_pressed_is_large_enough(
    open_page: OpenPage, platform_url: str, *, touch: bool, width: int, least: int
) -> None:
    page = open_page(**sized(width), has_touch=touch)
    page.goto(f"{platform_url}/chaos/")
    page.evaluate("document.querySelectorAll('.family').forEach((one) => { one.open = true; })")
    assert page.evaluate(SMALL_TARGETS, least) == []


def test_a_refusal_is_said_on_the_page_without_leaving_it(page: Page, platform_url: str) -> None:
    page.goto(f"{platform_url}/chaos/experiments/storm/")
    page.get_by_label("Seed").fill("4000000000")
    page.get_by_role("button", name="Break it").click()
    expect(page.locator('[data-part="answer"]')).to_have_text(
        re.compile("A seed is a whole number from 0 to"), timeout=WITHIN
    )
    assert page.url.endswith("/chaos/experiments/storm/")


def test_after_a_run_was_stopped_the_keyboard_goes_on_at_the_answer(
    page: Page, complaints: list[str], platform_url: str
) -> None:
    """The run is made up, in the answers of the site alone, so that nothing is broken."""
    address = "/chaos/runs/00000000-0000-4000-8000-000000000000/"
    stopped = {"title": "A run", "state": "running", "words": "Its visitor wants it to stop."}
    page.route("**/chaos/queue/", lambda route: route.fulfill(body="<p>Nobody waits.</p>"))
    page.route(
        re.compile(f"{address}(withdraw/)?$"),
        lambda route: route.fulfill(json={**stopped, "address": address}),
    )
    page.goto(f"{platform_url}/chaos/")
    queue = page.locator('[data-part="queue"]')
    queue.evaluate(OWN_RUN, f"{address}withdraw/")
    queue.get_by_role("button", name="Stop it").focus()

    page.keyboard.press("Enter")

    answer = page.locator('[data-part="answer"]')
    expect(answer).to_contain_text("Its visitor wants it to stop.", timeout=WITHIN)
    expect(queue).to_have_text("Nobody waits.", timeout=WITHIN)
    expect(answer).to_be_focused()
    assert complaints == []


@pytest.mark.fault
@pytest.mark.full
def test_when_a_run_ends_the_keyboard_goes_from_its_button_to_its_words(
    page: Page, platform_url: str
) -> None:
    page.goto(f"{platform_url}/chaos/")
    page.get_by_label("Experiment").select_option("kill-redis")
    page.locator(".pick").get_by_role("button", name="Break it").click()
    page.locator('[data-part="answer"]').get_by_role("link").click()
    page.get_by_role("button", name=re.compile("^(Stop it|Withdraw)$")).focus()

    expect(page.locator('chaos-run [data-part="withdraw"]')).to_have_count(0, timeout=A_RUN)

    expect(page.locator('chaos-run [data-part="words"]')).to_be_focused()
