"""Debian's Chromium without a user interface, driven by Playwright."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from compose.system_packages import headless_browser
from tests.browser.looks import OpenPage

# As long as in tests/conditions.py: a busy machine needs more than Playwright's five seconds.
expect.set_options(timeout=20_000)

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for the tests of a module.

    Playwright keeps an event loop running in this thread, in which no asynchronous
    test of another module could run.
    """
    path = headless_browser()
    assert path, "these tests drive Debian's Chromium: apt-get install chromium-headless-shell"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield chromium
        chromium.close()


@pytest.fixture
def complaints() -> list[str]:
    """The messages that the page wrote to the console and the errors that it threw, so far."""
    return []


@pytest.fixture
def open_page(browser: Browser, complaints: list[str]) -> Iterator[OpenPage]:
    """A function that opens a page for a visitor of its own, with these habits.

    The console messages and errors of the page go to `complaints`.
    """
    contexts: list[BrowserContext] = []

    def open_(**habits: Any) -> Page:
        context = browser.new_context(**habits)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield open_
    for context in contexts:
        context.close()


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    """A new page of a visitor without any habits."""
    return open_page()
