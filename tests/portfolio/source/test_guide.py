"""The path through the heart: short enough, in the running source, and found from other pages."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from django.test import Client

from cluster.kit.source.tree import snapshot
from portfolio.source import views
from portfolio.source.guide import PATH, guide, stops

MOST_LINES = 2_500  # half an hour of a reader who knows the field


@pytest.fixture(autouse=True)
def no_public_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    """The owner's profile is a row, and these tests have no database."""
    monkeypatch.setattr(views, "public_repository", lambda: "")


def test_it_is_read_in_half_an_hour() -> None:
    assert 1_500 <= guide().lines <= MOST_LINES
    assert guide().lines == sum(place.last - place.first + 1 for place in stops(text()))


def test_no_line_is_read_twice() -> None:
    places = sorted(stops(text()), key=lambda place: (place.path, place.first))
    for one, next_one in pairwise(places):
        assert one.path != next_one.path or one.last < next_one.first


def test_every_link_of_the_page_leads_somewhere() -> None:
    client = Client(HTTP_HOST="127.0.0.1")
    page = client.get("/source/heart/")
    assert page.status_code == 200
    links = set(re.findall(r'href="(/source/[^"#]+)', page.content.decode()))
    assert len(links) > 10
    for link in links:
        assert client.get(link).status_code == 200, link


def test_the_list_of_files_leads_to_it() -> None:
    page = Client(HTTP_HOST="127.0.0.1").get("/source/").content.decode()
    assert 'href="/source/heart/"' in page


def text() -> str:
    return snapshot().files[PATH].text or ""
