"""Every page is accessible in both themes, valid, silent in the console, small, of one origin."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final, Literal
from urllib.request import urlopen

import pytest
from playwright.sync_api import Page

from tests.browser.looks import WITHOUT_SCRIPT, OpenPage, nu_errors, sized, violations, width_of
from tests.sampling import all_in_full, only_in_full

pytestmark = [pytest.mark.platform, pytest.mark.browser]

ARTICLE: Final = "/articles/the-transactional-outbox/"
# One page of each kind: two pages of one kind differ in their text alone.
PAGES: Final = (
    "/",
    "/events/",
    "/architecture/",
    "/architecture/orders/",
    "/architecture/worker-orders/",
    "/architecture/rabbitmq/",
    "/lab/",
    "/lab/payments/",
    "/work/",
    "/work/security-platform/",
    "/about/",
    "/contact/",
    "/contact/sent/",
    "/articles/",
    ARTICLE,
    "/articles/when-the-broker-dies/",
    "/articles/saga-vs-two-phase-commit/",
    "/articles/zero-downtime-secret-rotation/",
    "/articles/proving-exactly-once-effects/",
    "/articles/the-transactional-outbox/revisions/",
    "/articles/the-transactional-outbox/revisions/1/",
    "/articles/tags/messaging/",
    "/articles/series/messaging-that-survives/",
    "/search/?q=outbox",
    "/chaos/",
    "/chaos/experiments/kill-rabbitmq/",
    "/chaos/experiments/storm/",
    "/chaos/compose/",
    "/chaos/compose/?fault=pause-process&target=redis&seconds=10&load=mixed",
    "/chaos/recoveries/",
    "/chaos/incidents/01a205c9-ed87-7221-8b0d-8545ad0c8c0f/",
    "/source/",
    "/source/cluster/messaging/",
    "/source/cluster/messaging/relay.py?lines=40-60",
    "/design/",
    "/api/",
    "/admin/login/",
    "/nowhere/",
)
# The page with the most script, the longest text, the widest table, a form, and the plan.
ALWAYS: Final = ("/", ARTICLE, "/chaos/", "/contact/", "/architecture/")
LOOKS: Final = (("light", 1440), ("dark", 390))
FEW_WORDS: Final = ("/nowhere/", "/contact/sent/", "/admin/login/")
PHONE: Final = 500  # pixels; a narrower page is tried at the width NARROWEST
NARROWEST: Final = 375
OTHER: Final[dict[str, Literal["light", "dark"]]] = {"light": "dark", "dark": "light"}
AN_ARTICLE: Final = 150_000  # bytes on the wire in the first view, all files together
OF_SCRIPT: Final = 30_000  # bytes of script among these
THE_HOME_PAGE: Final = 200_000
THE_CHAOS_PAGE: Final = 300_000


def complaints_of(said: list[str], path: str) -> list[str]:
    """Return the console messages, without the browser's own line about an answer of 404."""
    return [text for text in said if not (path == "/nowhere/" and "404" in text)]


def looks() -> list[Any]:
    """Return each page in both looks. Without `--full`, each page of ALWAYS runs in one look."""
    always = {(path, *LOOKS[index % len(LOOKS)]) for index, path in enumerate(ALWAYS)}
    every = [(path, *look) for path in PAGES for look in LOOKS]
    return [case if case in always else only_in_full(*case) for case in every]


@pytest.mark.parametrize(("path", "scheme", "width"), looks())
def test_axe_finds_nothing_in_either_scheme_nothing_is_too_wide_and_the_console_stays_empty(
    open_page: OpenPage,
    complaints: list[str],
    platform_url: str,
    *,
    path: str,
    scheme: str,
    width: int,
) -> None:
    page = open_page(color_scheme=scheme, **sized(width))
    page.goto(f"{platform_url}{path}")

    found = violations(page)
    page.emulate_media(color_scheme=OTHER[scheme])  # the schemes differ in their colours alone
    found += violations(page, runOnly=["color-contrast"])
    if width < PHONE:
        width = NARROWEST
        page.set_viewport_size({"width": width, "height": 800})

    assert found == []
    assert width_of(page) <= width
    assert complaints_of(complaints, path) == []


@pytest.mark.parametrize("path", all_in_full(PAGES, always=ALWAYS))
def test_without_javascript_the_page_still_informs(
    open_page: OpenPage, platform_url: str, path: str
) -> None:
    page = open_page(**WITHOUT_SCRIPT, **sized(1440))
    page.goto(f"{platform_url}{path}")
    words = page.locator("main").inner_text().split()
    assert page.locator("h1").count() == 1
    assert len(words) >= (10 if path in FEW_WORDS else 25)


@pytest.mark.full
def test_the_nu_checker_finds_no_error(platform_url: str, tmp_path: Path) -> None:
    files = []
    for number, path in enumerate(PAGES):
        if path == "/nowhere/":
            continue
        file = tmp_path / f"{number}{re.sub(r'[^a-z]+', '-', path)}.html"
        with urlopen(f"{platform_url}{path}") as answer:
            file.write_bytes(answer.read())
        files.append(file)

    assert nu_errors(files) == ""


@pytest.mark.parametrize(
    ("path", "budget"), [(ARTICLE, AN_ARTICLE), ("/", THE_HOME_PAGE), ("/chaos/", THE_CHAOS_PAGE)]
)
def test_the_first_view_is_light_and_comes_from_one_origin(
    page: Page, platform_url: str, path: str, budget: int
) -> None:
    session = page.context.new_cdp_session(page)
    sizes: dict[str, float] = {}
    kinds: dict[str, str] = {}
    addresses: set[str] = set()

    def received(event: dict[str, Any]) -> None:
        kinds[event["requestId"]] = event["type"]
        addresses.add(event["response"]["url"])

    session.on("Network.responseReceived", received)
    session.on(
        "Network.loadingFinished",
        lambda event: sizes.__setitem__(event["requestId"], event["encodedDataLength"]),
    )
    session.send("Network.enable")

    page.goto(f"{platform_url}{path}", wait_until="networkidle")

    foreign = [a for a in addresses if not a.startswith(platform_url)]
    script = sum(size for id_, size in sizes.items() if kinds.get(id_) == "Script")
    assert foreign == []
    assert sum(sizes.values()) <= budget
    assert script <= OF_SCRIPT
