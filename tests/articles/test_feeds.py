"""The feeds are valid and whole, have absolute addresses, and answer conditional requests."""

from __future__ import annotations

import json
from datetime import datetime
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import feedparser  # type: ignore[import-untyped]
import pytest
import requests

from articles.feeds import feed_html, lasting_id
from tests.articles.conftest import RARE, Written
from tests.conditions import eventually

CANONICAL = ("CANONICAL_ORIGIN", "ALLOWED_HOSTS", "BEHIND_TLS", "SITE_URL")
ADDRESS = "https://example.test/articles/a/"
ATOM = "{http://www.w3.org/2005/Atom}"
FEEDS = ("feed.atom", "feed.json")


def ids(feed: str) -> set[str]:
    """Return the ids of a feed in either form, and of its entries."""
    if feed.startswith("{"):
        return {item["id"] for item in json.loads(feed)["items"]}
    return {str(found.text) for found in ET.fromstring(feed).iter(f"{ATOM}id")}


def rewritten(html: str) -> str:
    return str(feed_html(html, address=ADDRESS))


def test_addresses_become_absolute() -> None:
    assert rewritten(
        '<a href="/source/x.py">a</a><a href="#b">b</a><a href="https://c/">c</a>'
    ) == (
        '<a href="https://example.test/source/x.py">a</a>'
        f'<a href="{ADDRESS}#b">b</a><a href="https://c/">c</a>'
    )


def test_a_figure_becomes_its_caption_with_a_link() -> None:
    html = (
        '<figure class="figure" id="figure-1"><div data-figure="train-graph" '
        'data-options="{}"></div><figcaption>What runs.</figcaption></figure>'
    )
    assert rewritten(html) == (
        f'<figure id="figure-1"><p><a href="{ADDRESS}#figure-1">This figure is drawn from the '
        "running cluster.</a></p><figcaption>What runs.</figcaption></figure>"
    )


def test_what_serves_the_page_alone_is_left_out() -> None:
    html = (
        '<h2 id="a">A <a class="permalink" href="#a">#</a></h2><svg><path d="M0 0"/><g></g></svg>'
        '<div class="scroll" tabindex="0" role="region"><p>Text<br>more</p></div>'
    )
    assert rewritten(html) == '<h2 id="a">A </h2><div><p>Text<br>more</p></div>'


def test_text_that_looks_like_markup_stays_text() -> None:
    html = '<code>&lt;a href=&quot;/x&quot;&gt; &#38; href="/y"</code>'
    assert rewritten(html) == '<code>&lt;a href="/x"&gt; &amp; href="/y"</code>'


def test_characters_that_xml_cannot_write_are_left_out() -> None:
    assert rewritten("<p>a\x0bb\x00c</p>") == "<p>abc</p>"


@pytest.mark.parametrize(
    ("values", "origin"),
    [
        (("", "", "", "http://web:8000"), "http://web:8000"),
        (("", "a.example b.example", "yes", ""), "https://a.example"),
        (("", "web .example *.example a.example", "", ""), "http://a.example"),
        (("https://b.example/", "a.example", "yes", ""), "https://b.example"),
    ],
)
def test_ids_begin_with_the_origin_that_the_public_knows(
    monkeypatch: pytest.MonkeyPatch, values: tuple[str, ...], origin: str
) -> None:
    for name, value in zip(CANONICAL, values, strict=True):
        monkeypatch.setenv(name, value)
    assert lasting_id("/articles/a/") == f"{origin}/articles/a/"


@pytest.mark.platform
def test_atom_has_what_its_specification_requires(written: Written) -> None:
    def whole() -> list[ET.Element]:
        answer = requests.get(f"{written.url}/articles/feed.atom", timeout=10)
        assert answer.headers["Content-Type"] == "application/atom+xml; charset=utf-8"
        feed = ET.fromstring(answer.content)
        return [feed] if written.address() in answer.text else []

    [feed] = eventually(whole)
    for name in ("id", "title", "updated", "author"):  # RFC 4287, 4.1.1
        assert feed.find(f"{ATOM}{name}") is not None, name
    links = {link.get("rel"): link.get("href") for link in feed.findall(f"{ATOM}link")}
    assert links["self"] == f"{written.url}/articles/feed.atom"
    assert links["alternate"] == f"{written.url}/articles/"
    for entry in feed.findall(f"{ATOM}entry"):
        for name in ("id", "title", "updated", "published", "summary", "content"):
            assert entry.find(f"{ATOM}{name}") is not None, name


@pytest.mark.platform
def test_a_reader_gets_the_whole_text(written: Written) -> None:
    parsed = feedparser.parse(f"{written.url}/articles/feed.atom")
    assert (parsed.bozo, parsed.version) == (False, "atom10")
    [first] = [entry for entry in parsed.entries if entry.link == written.address()]
    assert first.title == "Stripes & <saddles>"
    assert RARE in first.content[0].value
    assert f'href="{written.address("test-second")}"' in first.content[0].value
    assert "This figure is drawn from the running cluster." in first.content[0].value
    assert [tag.term for tag in first.tags] == ["Test tag"]
    assert "test-later" not in str(parsed)
    assert "test-draft" not in str(parsed)


@pytest.mark.platform
def test_the_json_feed_has_what_its_specification_requires(written: Written) -> None:
    answer = requests.get(f"{written.url}/articles/feed.json", timeout=10)
    assert answer.headers["Content-Type"] == "application/feed+json"
    feed = answer.json()
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert feed["feed_url"] == f"{written.url}/articles/feed.json"
    assert feed["title"]
    assert feed["authors"][0]["name"]
    [first] = [item for item in feed["items"] if item["id"] == written.address()]
    assert first["url"] == written.address()
    assert RARE in first["content_html"]
    assert datetime.fromisoformat(first["date_published"]) < datetime.fromisoformat(
        first["date_modified"]
    )
    assert first["tags"] == ["Test tag"]


@pytest.mark.platform
@pytest.mark.parametrize("feed", FEEDS)
def test_a_reader_that_has_the_feed_gets_it_only_when_it_changes(
    written: Written, feed: str
) -> None:
    address = f"{written.url}/articles/{feed}"
    first = requests.get(address, timeout=10)
    for name, value in (
        ("If-None-Match", first.headers["ETag"]),
        ("If-Modified-Since", first.headers["Last-Modified"]),
    ):
        again = requests.get(address, headers={name: value}, timeout=10)
        assert (again.status_code, again.content) == (304, b"")


@pytest.mark.platform
def test_ids_do_not_follow_the_name_of_the_host(written: Written) -> None:
    port = urlsplit(written.url).port
    by_name = {"Host": f"localhost:{port}"}
    for feed in FEEDS:
        address = f"{written.url}/articles/{feed}"
        usual = requests.get(address, timeout=10).text
        other = requests.get(address, headers=by_name, timeout=10).text
        assert ids(usual) == ids(other)
        assert f"{written.url}/articles/test-first/" in ids(other)
        assert f"http://localhost:{port}/articles/test-first/" in other  # a link follows the host


@pytest.mark.platform
def test_pages_name_their_feeds(written: Written) -> None:
    text = requests.get(written.address(), timeout=10).text
    assert 'href="/articles/feed.atom" type="application/atom+xml"' in text
    assert 'href="/articles/feed.json" type="application/feed+json"' in text
