"""Every demo as a visitor runs it: by its button in Chromium, and by its line in a shell."""

from __future__ import annotations

import html
import json
import re
import shlex
import subprocess
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

import pytest
import requests
from playwright.sync_api import Page, expect

from portfolio.demos.registry import DEMOS
from portfolio.demos.runs import MOST_AT_ONCE
from tests.browser.looks import violations, width_of
from tests.conditions import eventually
from tests.sampling import all_in_full

pytestmark = [pytest.mark.platform, pytest.mark.browser]

A_RUN: Final = 90_000  # milliseconds; ends a hanging test, measures nothing
PHONE: Final = 375  # pixels
LINE: Final = re.compile(r'<dl class="definition.*?<pre[^>]*><code>(.*?)</code>', re.DOTALL)
HEADLINE: Final = ".headline"


def press(page: Page, slug: str) -> None:
    """Press the button of a demo's page, and wait for the page of its result."""
    page.get_by_role("button", name="Run it", exact=True).click()
    page.wait_for_url(re.compile(rf"/lab/demos/{slug}/runs/[0-9a-f-]+/"), timeout=A_RUN)


def expect_a_result_in_which_all_holds(page: Page) -> None:
    """Expect the headline of a result, and invariants of which none is violated."""
    expect(page.locator(HEADLINE)).to_be_visible()
    checks = page.locator("table.checks")
    assert checks.locator("tbody tr").count() >= 1
    assert checks.locator(".mark.failed").count() == 0, checks.inner_text()


@pytest.mark.parametrize("slug", all_in_full(DEMOS, always=("checkout", "outbox", "ledger")))
def test_its_button_runs_it_on_a_phone_and_every_invariant_holds(
    page: Page, complaints: list[str], platform_url: str, slug: str
) -> None:
    page.set_viewport_size({"width": PHONE, "height": 800})

    page.goto(f"{platform_url}/lab/demos/{slug}/")
    press(page, slug)

    expect_a_result_in_which_all_holds(page)
    assert width_of(page) <= PHONE
    assert violations(page) == []
    assert complaints == []


@pytest.fixture(scope="module")
def printed_by_lines(platform_url: str) -> dict[str, Future[str]]:
    """The output of every demo's shell command, by its slug.

    As many commands run at once as the site allows.
    """

    def run(slug: str) -> str:
        page = requests.get(f"{platform_url}/lab/demos/{slug}/", timeout=20).text
        found = LINE.search(page)
        assert found, page
        line = shlex.split(html.unescape(re.sub("<[^>]+>", "", found[1])))
        command = [*line, "--silent", "--max-time", "90"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    with ThreadPoolExecutor(MOST_AT_ONCE) as pool:
        return {slug: pool.submit(run, slug) for slug in DEMOS}


@pytest.mark.parametrize("slug", DEMOS)
def test_its_printed_line_runs_it_from_a_shell(request: pytest.FixtureRequest, slug: str) -> None:
    printed = request.getfixturevalue("printed_by_lines")[slug].result()

    head, _, body = printed.replace("\r\n", "\n").partition("\n\n")
    assert " 201 " in head.splitlines()[0], printed
    result: dict[str, Any] = json.loads(body)["result"]
    assert result["headline"]
    assert [check for check in result["checks"] if check["outcome"] == "fail"] == []


@pytest.mark.fault
@pytest.mark.full
def test_it_holds_while_the_experiment_that_attacks_it_runs(page: Page, platform_url: str) -> None:
    slug = "checkout"
    page.goto(f"{platform_url}/lab/demos/{slug}/")
    page.get_by_role("button", name="Break it now").click()
    page.wait_for_url(re.compile("/chaos/runs/"))
    asked_for = page.url
    status = f"{platform_url}/status.json"
    eventually(lambda: page.request.get(status).json().get("experiment"), within=60.0)

    page.goto(f"{platform_url}/lab/demos/{slug}/")
    press(page, slug)

    expect_a_result_in_which_all_holds(page)

    def the_report_is_there() -> bool:
        page.goto(asked_for)
        return "/chaos/incidents/" in page.url

    eventually(the_report_is_there, within=A_RUN / 1000, every=1.0)
    expect(page.locator(".verdict")).to_have_text("passed")
