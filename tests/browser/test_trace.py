"""A trace's page in the browser: accessible, no wider than a phone, valid, without a script."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests

from cluster.operations.plan import Wanted
from tests.browser.looks import WITHOUT_SCRIPT, OpenPage, nu_errors, sized, violations, width_of
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
    open_page: OpenPage, complaints: list[str], address: str, scheme: str, width: int
) -> None:
    page = open_page(color_scheme=scheme, **sized(width))
    page.goto(address)
    page.locator("summary").click()

    assert violations(page) == []
    assert width_of(page) <= width
    assert complaints == []


def test_without_a_script_the_waterfall_is_there(open_page: OpenPage, address: str) -> None:
    page = open_page(**WITHOUT_SCRIPT)
    page.goto(address)

    assert page.locator("svg.waterfall rect.handler").count() > 5
    assert page.get_by_role("row", name="CHK hold limit").count() == 1


@pytest.mark.full
def test_the_nu_checker_finds_no_error(address: str, tmp_path: Path) -> None:
    file = tmp_path / "trace.html"
    file.write_text(requests.get(address, timeout=10).text)
    assert nu_errors([file]) == ""
