"""Palette, shortcuts, themes and skip links in a real browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.looks import WITHOUT_SCRIPT, OpenPage, sized

pytestmark = [pytest.mark.platform, pytest.mark.browser]

DARK_PAPER = "rgb(15, 21, 19)"
LIGHT_PAPER = "rgb(238, 241, 236)"
PAPER = "getComputedStyle(document.documentElement).backgroundColor"


def test_the_palette_finds_a_node_and_goes_there(
    page: Page, platform_url: str, complaints: list[str]
) -> None:
    page.goto(f"{platform_url}/design/")
    page.keyboard.press("Control+k")
    box = page.get_by_role("combobox", name="Go to")
    expect(box).to_be_focused()
    box.fill("rabbitmq")
    first = page.get_by_role("listbox", name="Places").get_by_role("option").first
    expect(first).to_have_text(re.compile("^rabbitmq"))
    expect(first).to_have_attribute("aria-selected", "true")
    box.press("Enter")
    page.wait_for_url(f"{platform_url}/architecture/rabbitmq/")
    assert complaints == []


def test_the_palette_is_walked_by_arrows_and_left_by_escape(page: Page, platform_url: str) -> None:
    page.goto(f"{platform_url}/design/")
    page.get_by_role("button", name="Go to").click()
    options = page.get_by_role("listbox", name="Places").get_by_role("option")
    expect(options.first).to_be_visible()
    page.keyboard.press("ArrowUp")
    expect(options.last).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowDown")
    expect(options.first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Go to")).to_be_focused()


def test_two_keys_lead_to_a_section(page: Page, platform_url: str) -> None:
    page.goto(f"{platform_url}/design/")
    page.keyboard.press("g")
    page.keyboard.press("b")
    page.wait_for_url(f"{platform_url}/about/")


def test_no_shortcut_fires_while_somebody_writes(page: Page, platform_url: str) -> None:
    page.goto(f"{platform_url}/contact/")
    message = page.locator("textarea").first
    message.fill("")
    message.press_sequentially("g b / ? g h")
    expect(message).to_have_value("g b / ? g h")
    expect(page.locator("dialog[open]")).to_have_count(0)


def test_shortcuts_of_a_single_key_can_be_switched_off(page: Page, platform_url: str) -> None:
    page.goto(f"{platform_url}/design/")
    page.keyboard.press("?")
    page.get_by_role("checkbox", name="Shortcuts of a single key").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.locator("dialog[open]")).to_have_count(0)
    page.keyboard.press("Control+k")
    expect(page.locator("dialog[open]")).to_have_count(1)


def test_a_chosen_theme_is_there_before_anything_is_drawn(
    page: Page, platform_url: str, complaints: list[str]
) -> None:
    page.goto(f"{platform_url}/design/")
    assert page.evaluate(PAPER) == LIGHT_PAPER
    page.get_by_role("radio", name="Dark").check()
    assert page.evaluate(PAPER) == DARK_PAPER
    # Reads the first style that the document has, as soon as there is a body.
    page.add_init_script(
        "new MutationObserver((_, observer) => { if (document.body) {"
        f" window.firstPaper = {PAPER}; observer.disconnect(); }} }})"
        ".observe(document, { childList: true, subtree: true });"
    )
    page.goto(f"{platform_url}/about/")
    assert page.evaluate("window.firstPaper") == DARK_PAPER
    expect(page.get_by_role("radio", name="Dark")).to_be_checked()
    page.get_by_role("radio", name="System").check()
    assert page.evaluate(PAPER) == LIGHT_PAPER
    assert complaints == []


def test_the_first_tab_offers_to_skip_to_the_content(page: Page, platform_url: str) -> None:
    page.goto(f"{platform_url}/design/")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_without_javascript_nothing_that_needs_it_is_offered(
    open_page: OpenPage, platform_url: str
) -> None:
    page = open_page(**WITHOUT_SCRIPT)
    page.goto(f"{platform_url}/design/")
    for button in page.locator(".scripted").all():
        expect(button).not_to_be_visible()
    expect(page.locator("status-strip .words")).not_to_be_empty()


def test_nothing_moves_while_the_typefaces_come(open_page: OpenPage, platform_url: str) -> None:
    page = open_page(**sized(390, 844))
    page.goto(f"{platform_url}/design/", wait_until="networkidle")
    shifted = page.evaluate(
        """() => new Promise((resolve) => {
          let sum = 0;
          new PerformanceObserver((list) => {
            for (const entry of list.getEntries()) if (!entry.hadRecentInput) sum += entry.value;
            resolve(sum);
          }).observe({ type: "layout-shift", buffered: true });
          requestAnimationFrame(() => requestAnimationFrame(() => resolve(sum)));
        })"""
    )
    assert shifted < 0.02
