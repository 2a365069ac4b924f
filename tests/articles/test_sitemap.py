"""The sitemap names every page that a search engine should find, and no other."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
import requests

from tests.articles.conftest import Written
from tests.conditions import eventually

pytestmark = pytest.mark.platform
NAMESPACE = "{http://www.sitemaps.org/schemas/sitemap/0.9}"


def entries(written: Written) -> dict[str, str]:
    """Return each address with the day of its last change, or with an empty text."""
    answer = requests.get(f"{written.url}/sitemap.xml", timeout=10)
    assert answer.headers["Content-Type"] == "application/xml"
    found = {}
    for entry in ET.fromstring(answer.content).findall(f"{NAMESPACE}url"):
        address = entry.findtext(f"{NAMESPACE}loc") or ""
        found[address] = entry.findtext(f"{NAMESPACE}lastmod") or ""
    return found


def test_published_articles_are_named_with_their_last_change(written: Written) -> None:
    def named() -> dict[str, str] | None:
        found = entries(written)
        return found if written.address() in found else None

    found = eventually(named)
    assert found is not None
    assert found[written.address()]
    assert f"{written.url}/articles/tags/test-tag/" in found
    assert f"{written.url}/articles/series/test-series/" in found
    assert not [address for address in found if "test-draft" in address or "test-later" in address]


@pytest.mark.parametrize(
    "path", ["/", "/articles/", "/architecture/", "/lab/", "/lab/payments/", "/chaos/", "/work/",
             "/about/", "/contact/", "/architecture/rabbitmq/"],
)  # fmt: skip
def test_the_sections_and_their_pages_are_named(written: Written, path: str) -> None:
    assert f"{written.url}{path}" in entries(written)
