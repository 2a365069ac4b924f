"""The plan in a real browser: live, by keyboard, level by level, and one checkout's path."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.looks import WITHOUT_SCRIPT, OpenPage, sized, width_of

pytestmark = [pytest.mark.platform, pytest.mark.browser]
WITHIN = 20_000  # milliseconds; ends a hanging test, measures nothing
PLAN = ".plan.wide"


@pytest.fixture
def plan(page: Page, platform_url: str) -> Page:
    """The whole plan, live."""
    page.set_viewport_size({"width": 1300, "height": 900})
    page.goto(f"{platform_url}/architecture/")
    expect(page.locator('[data-part="connection"]')).to_have_text("live", timeout=WITHIN)
    return page


def node(page: Page, name: str) -> str:
    return f'{PLAN} [data-node="{name}"]'


def test_the_plan_goes_live_without_a_complaint(plan: Page, complaints: list[str]) -> None:
    expect(plan.locator(f"{PLAN} [data-value='j/seq']")).to_have_text(re.compile(r"^[\d\s]+$"))
    orders = plan.locator(node(plan, "orders"))
    expect(orders).to_have_attribute("aria-label", re.compile("^ORD orders, service: "))
    assert complaints == []


def test_a_service_and_a_process_open_within_the_page_and_the_way_back_is_kept(
    plan: Page, complaints: list[str]
) -> None:
    plan.evaluate("window.stayed = true")
    plan.locator(node(plan, "orders")).click()
    expect(plan).to_have_url(re.compile("/architecture/orders/$"))
    expect(plan.locator("h1")).to_be_focused()
    plan.locator(node(plan, "worker-orders")).click()
    expect(plan).to_have_url(re.compile("/architecture/worker-orders/$"))
    expect(plan).to_have_title(re.compile("^worker-orders"))
    plan.go_back()
    expect(plan.locator("h1")).to_have_text("ORD orders")
    plan.keyboard.press("Escape")
    expect(plan).to_have_url(re.compile("/architecture/$"))
    expect(plan.locator(node(plan, "orders"))).to_be_focused()
    assert plan.evaluate("window.stayed")
    assert complaints == []


def test_the_arrows_move_between_neighbours_and_enter_opens(plan: Page) -> None:
    plan.locator(node(plan, "catalog")).focus()
    plan.keyboard.press("ArrowRight")
    expect(plan.locator(node(plan, "orders"))).to_be_focused()
    plan.keyboard.press("ArrowDown")
    expect(plan.locator(node(plan, "postgres-orders"))).to_be_focused()
    plan.keyboard.press("Enter")
    expect(plan.locator("h1")).to_have_text("ORD postgres-orders")


def test_p_starts_a_checkout_and_draws_its_path_from_the_journal(
    plan: Page, complaints: list[str]
) -> None:
    plan.keyboard.press("p")
    path = plan.locator(".path[data-ended]")
    expect(path.locator(".hops li")).to_have_count(14, timeout=WITHIN)
    verbs = path.locator(".hops .verb").all_text_contents()
    assert (verbs[0], "completed" in verbs) == ("asked", True)
    expect(plan.locator(f"{PLAN} .leg")).to_have_count(9)
    assert complaints == []


def test_ticks_pass_only_where_motion_is_wanted(open_page: OpenPage, platform_url: str) -> None:
    page = open_page(**sized(1300), reduced_motion="reduce")
    page.goto(f"{platform_url}/architecture/")
    expect(page.locator('[data-part="connection"]')).to_have_text("live", timeout=WITHIN)
    assert page.locator(f"{PLAN} .ticks path[d]").count() == 0
    page.emulate_media(reduced_motion="no-preference")
    expect(page.locator(f"{PLAN} .ticks path[d]").first).to_be_attached(timeout=WITHIN)


def test_without_javascript_the_plan_its_tables_and_a_path_are_there(
    open_page: OpenPage, platform_url: str
) -> None:
    page = open_page(**WITHOUT_SCRIPT, **sized(390, 844))
    page.goto(f"{platform_url}/architecture/")
    expect(page.locator(".plan.narrow")).to_be_visible()
    expect(page.locator(PLAN)).to_be_hidden()
    expect(page.locator(".parts tbody tr")).not_to_have_count(0)
    page.get_by_role("button", name="Draw the latest checkout’s path").click()
    expect(page.locator(".hops li").first).to_be_visible()
    page.locator('.plan.narrow [data-node="payments"]').click()
    expect(page.locator("h1")).to_have_text("PAY payments")


def test_nothing_is_wider_than_a_phone(open_page: OpenPage, platform_url: str) -> None:
    page = open_page(**sized(375, 800))
    for address in ("/", "/orders/", "/worker-orders/", "/rabbitmq/", "/?path=latest"):
        page.goto(f"{platform_url}/architecture{address}")
        assert width_of(page) == 375
