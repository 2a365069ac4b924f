"""The site answers every problem with a page of its own, even when rendering fails."""

from __future__ import annotations

from http import HTTPStatus

import pytest
from django.test import RequestFactory

from cluster.kit import problems
from cluster.kit.navigation import SECTIONS, Section, section_of
from cluster.kit.problems import problem
from portfolio.edge.errors import page_not_found, server_error


def test_a_missing_page_names_the_address_and_the_ways_on() -> None:
    answer = page_not_found(RequestFactory().get("/<b>nothing"), Exception())
    text = answer.content.decode()
    assert answer.status_code == HTTPStatus.NOT_FOUND
    assert "<h1>Nothing stops here</h1>" in text
    assert "/&lt;b&gt;nothing" in text
    assert 'href="/search/"' in text


def test_what_breaks_every_page_leaves_the_page_that_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_arguments: object, **_named: object) -> None:
        raise RuntimeError("templates are broken")

    monkeypatch.setattr(problems, "render", broken)
    answer = server_error(RequestFactory().get("/"))
    text = answer.content.decode()
    assert answer.status_code == HTTPStatus.INTERNAL_SERVER_ERROR
    assert "<h1>Something broke</h1>" in text
    assert "It has been logged." in text
    assert "could not be drawn" in caplog.text


def test_the_last_resort_trusts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(problems, "render", lambda *_a, **_k: 1 / 0)
    answer = problem(RequestFactory().get("/"), HTTPStatus.BAD_REQUEST, "<script>alert(1)</script>")
    assert b"<script>" not in answer.content


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.name)
def test_an_address_belongs_to_its_section(section: Section) -> None:
    assert section_of(f"{section.address}something/") == section.name


def test_the_first_page_is_in_no_section() -> None:
    assert section_of("/") == ""


def test_no_two_keys_lead_to_different_places() -> None:
    keys = [section.key for section in SECTIONS]
    assert len({*keys, "h", "e", "s", "d"}) == len(keys) + 4
