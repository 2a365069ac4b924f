"""The public pages of the write-ups, over HTTP."""

from __future__ import annotations

import json
import re

import pytest
import requests
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from articles.views import AWAY
from cluster.kit.problems import answers_when_away
from tests.articles.conftest import Written
from tests.conditions import eventually
from tests.outages import outage

pytestmark = pytest.mark.platform


def page(address: str) -> str:
    answer = requests.get(address, timeout=20)
    assert answer.status_code == 200, address
    return answer.text


def test_the_list_shows_what_is_published_newest_first(written: Written) -> None:
    def shown() -> str:
        text = page(f"{written.url}/articles/")
        return text if "test-second" in text else ""

    text = eventually(shown)
    assert text.index("/articles/test-second/") < text.index("/articles/test-first/")
    assert "test-draft" not in text
    assert "test-later" not in text
    assert "Only on a draft" not in text


def test_an_article_says_when_it_came_out_and_how_long_it_takes(written: Written) -> None:
    text = page(written.address())
    assert "<h1>Stripes &amp; &lt;saddles&gt;</h1>" in text
    meta = re.sub(r"<[^>]+>|\s+", " ", text.split('<p class="meta">', 1)[1].split("</p>", 1)[0])
    assert f"{written.minutes} min" in meta
    assert f"{written.words} words" in meta
    assert "rev 3" in meta


def test_an_article_has_contents_listings_notes_and_its_figure(written: Written) -> None:
    text = page(written.address())
    assert '<a href="#first-section">First section</a>' in text
    assert '<li class="level-3"><a href="#a-part-of-it">A part of it</a>' in text
    assert "Listing 1" in text
    assert 'class="sidenote" id="note-1"' in text
    assert "data-figure" not in text  # the figure is drawn, or a sentence says that it has no data


def test_an_article_names_its_neighbours_and_what_changed(written: Written) -> None:
    text = page(written.address())
    assert 'rel="next" href="/articles/test-second/"' in text
    assert 'rel="prev"' not in text
    assert "part 1 of 2" in text
    assert "A word." in text
    assert 'rel="prev" href="/articles/test-first/"' in page(written.address("test-second"))


def test_what_shares_its_tags_is_related(written: Written) -> None:
    related = page(written.address()).split('id="page-related"', 1)[1].split("</section>", 1)[0]
    assert "/articles/test-second/" in related


@pytest.mark.parametrize(
    "path",
    ["test-draft/", "test-later/", "test-draft/card.png", "test-later/revisions/", "no-such/",
     "tags/test-unused/", "tags/no-such/", "series/no-such/", "test-first/revisions/1/"],
)  # fmt: skip
def test_what_is_not_out_is_not_found(written: Written, path: str) -> None:
    assert requests.get(f"{written.url}/articles/{path}", timeout=10).status_code == 404


def test_a_tag_and_a_series_list_their_articles(written: Written) -> None:
    tagged = page(f"{written.url}/articles/tags/test-tag/")
    assert "/articles/test-first/" in tagged
    text = page(f"{written.url}/articles/series/test-series/")
    assert text.index("/articles/test-first/") < text.index("/articles/test-second/")


def test_only_texts_that_readers_have_seen_are_public_revisions(written: Written) -> None:
    text = page(f"{written.address()}revisions/")
    assert "REV 3" in text
    assert "REV 2" in text
    assert "REV 1" not in text
    change = page(f"{written.address()}revisions/3/")
    assert "<del>The quagga is spotted.</del>" in change
    assert "<ins>The quagga is striped.</ins>" in change
    assert "Never published" not in text + change


def test_an_article_tells_search_engines_what_it_is(written: Written) -> None:
    text = page(written.address())
    assert f'<link rel="canonical" href="{written.address()}">' in text
    assert f'<meta property="og:image" content="{written.address()}card.png">' in text
    assert '<meta property="og:type" content="article">' in text
    block = text.split('<script type="application/ld+json">', 1)[1].split("</script>", 1)[0]
    assert not set("<>&") & set(block)
    data = json.loads(block)
    assert (data["@type"], data["headline"]) == ("TechArticle", "Stripes & <saddles>")
    assert data["author"]["@type"] == "Person"
    assert data["url"] == written.address()


def test_without_the_database_a_page_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def cut_off(_request: HttpRequest) -> HttpResponse:
        raise outage()

    monkeypatch.setattr("cluster.secrets.django.reconnect.PAUSES", ())
    request = RequestFactory().get("/articles/", headers={"Accept": "application/json"})
    answer = answers_when_away(AWAY)(cut_off)(request)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert json.loads(answer.content)["detail"] == AWAY
