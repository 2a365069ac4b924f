"""The first page shows the cluster live, its figures, and its owner."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
import requests
from django.test import Client

from articles.owner import queries
from articles.owner.models import Page, Profile
from articles.owner.queries import NotKnown, Words, words_of
from portfolio.pages import home
from portfolio.pages.home import _first_id_of
from portfolio.templatetags.words import duration, rate, spaced
from tests.outages import outage

WORDS = Words(
    profile=Profile(name="Ada Obi", role="Engineer", location="Lagos", introduction="She builds."),
    links=[],
    page=Page(key="home", title="The cluster", lead="It runs."),
)


@pytest.mark.platform
def test_the_figure_is_drawn_on_the_server_with_its_data(platform_url: str) -> None:
    page = requests.get(f"{platform_url}/", timeout=10)
    assert page.status_code == 200
    assert "<svg" in page.text
    assert "<train-graph" in page.text
    assert "<table" in page.text


@pytest.mark.platform
def test_the_owner_is_named_from_the_admins_row(platform_url: str) -> None:
    page = requests.get(f"{platform_url}/", timeout=10).text
    assert re.search(r"<h1>[^<]+</h1>", page)
    [structured] = re.findall(r'<script type="application/ld\+json">(.*?)</script>', page)
    kinds = [part["@type"] for part in json.loads(structured)["@graph"]]
    assert kinds == ["WebSite", "Person"]


@pytest.mark.platform
def test_the_numbers_are_the_databases(platform_url: str) -> None:
    page = requests.get(f"{platform_url}/", timeout=10).text
    numbers = dict(re.findall(r"<div><dt>([^<]+)</dt><dd[^>]*>([^<]+)</dd>", page))
    assert int(numbers["Messages in the journal"].replace("\xa0", "")) > 0
    assert int(numbers["Checkouts so far"].replace("\xa0", "")) > 0


@pytest.mark.platform
def test_the_page_names_its_one_address(platform_url: str) -> None:
    page = requests.get(f"{platform_url}/?from=elsewhere", timeout=10).text
    assert f'<link rel="canonical" href="{platform_url}/">' in page


def test_with_the_database_away_the_page_says_so_and_keeps_its_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def away() -> Any:
        raise outage()

    monkeypatch.setattr(home, "words_of", lambda _: WORDS)
    monkeypatch.setattr(home, "latest", lambda: None)
    monkeypatch.setattr(home, "_read", away)
    monkeypatch.setattr("cluster.secrets.django.reconnect.PAUSES", ())
    answer = Client(headers={"Authorization": "none"}).get("/")
    text = answer.content.decode()
    assert answer.status_code == 503
    assert "Ada Obi" in text
    assert "The journal cannot be read at this moment" in text
    assert "no reading" in text


def test_words_once_read_are_remembered_while_the_database_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def away(_key: str) -> Words:
        raise outage()

    monkeypatch.setattr("cluster.secrets.django.reconnect.PAUSES", ())
    monkeypatch.setattr(queries, "_remembered", {})
    monkeypatch.setattr(queries, "_read", away)
    with pytest.raises(NotKnown):
        words_of("home")
    monkeypatch.setattr(queries, "_read", lambda _key: WORDS)
    assert words_of("home") is WORDS
    monkeypatch.setattr(queries, "_read", away)
    assert words_of("home") is WORDS


@pytest.mark.parametrize(
    ("number", "expected"),
    [(0, "0"), (12_408, "12\xa0408"), (None, "no reading"), ("", "no reading")],
)
def test_numbers_are_printed_in_groups_of_three(number: Any, expected: str) -> None:
    assert spaced(number) == expected


def test_what_could_not_be_measured_is_said_in_words() -> None:
    assert (rate(None), rate(0.04), duration(None)) == ("no reading", "0.0", "no reading")


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(3.04, "3.0 s"), (61, "61 s"), (600, "10 min"), (9_000, "2 h"), (200_000, "2 days")],
)
def test_durations_are_told_in_one_unit(seconds: float, expected: str) -> None:
    assert duration(seconds) == expected.replace(" ", "\xa0")


def test_ids_are_counted_from_the_first_of_their_millisecond() -> None:
    moment = datetime(2026, 11, 22, 21, 0, tzinfo=UTC)
    first = _first_id_of(moment)
    assert (first.version, first.variant) == (7, UUID(int=0x8 << 60).variant)
    assert first.int >> 80 == int(moment.timestamp() * 1000)
