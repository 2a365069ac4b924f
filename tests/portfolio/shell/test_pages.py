"""The shell that every page has, over HTTP."""

from __future__ import annotations

import re

import pytest
import requests

pytestmark = pytest.mark.platform


def get(address: str) -> str:
    answer = requests.get(address, timeout=10)
    answer.raise_for_status()
    return answer.text


def test_the_current_section_is_marked(platform_url: str) -> None:
    page = get(f"{platform_url}/about/")
    assert re.findall(r'<a href="([^"]+)"[^>]* aria-current="page"', page) == ["/about/"]


def test_a_page_asks_for_hashed_files_that_are_there_for_ever(platform_url: str) -> None:
    page = get(f"{platform_url}/design/")
    files = set(re.findall(r'(?:href|src)="(/static/[^"]+)"', page))
    assert files
    for file in files:
        answer = requests.get(f"{platform_url}{file}", timeout=10)
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable", file


def test_the_palette_knows_pages_services_nodes_and_files(platform_url: str) -> None:
    entries = requests.get(f"{platform_url}/palette.json", timeout=10).json()["entries"]
    addresses = {entry["address"] for entry in entries}
    assert {"/", "/chaos/", "/lab/orders/", "/architecture/rabbitmq/"} <= addresses
    assert "/source/cluster/messaging/relay.py" in addresses
    assert {entry["kind"] for entry in entries} >= {"page", "service", "node", "source"}


def test_crawlers_are_told_where_to_look(platform_url: str) -> None:
    lines = get(f"{platform_url}/robots.txt").splitlines()
    assert "Disallow: /admin/" in lines
    assert lines[-1] == f"Sitemap: {platform_url}/sitemap.xml"


def test_the_design_is_shown_whole(platform_url: str) -> None:
    page = get(f"{platform_url}/design/")
    for heading in ("Colours", "Type", "Sizes", "Marks", "Components", "The train graph"):
        assert heading in page
    assert "too little" not in page
