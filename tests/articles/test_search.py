"""The search finds texts and names, marks hits safely, and answers every query in words."""

from __future__ import annotations

import pytest
import requests

from articles.search import BEGIN, END, _marked, tidy
from tests.articles.conftest import RARE, Written


def ask(written: Written, query: str | None) -> requests.Response:
    parameters = {} if query is None else {"q": query}
    return requests.get(f"{written.url}/search/", params=parameters, timeout=10)


def test_only_the_marks_become_markup() -> None:
    found = _marked(f"<script> {BEGIN}saga{END} & more")
    assert found == "&lt;script&gt; <mark>saga</mark> &amp; more"


def test_a_query_is_one_line_without_what_means_nothing() -> None:
    assert tidy(f"  a\x00b\n{BEGIN}c  d ") == "a b c d"


@pytest.mark.platform
def test_a_word_is_found_in_texts_and_marked(written: Written) -> None:
    text = ask(written, RARE).text
    assert "/articles/test-first/" in text
    assert "/articles/test-second/" in text
    assert f"<mark>{RARE}</mark>" in text
    assert "Stripes &amp; &lt;saddles&gt;" in text


@pytest.mark.platform
def test_what_is_not_out_is_not_found(written: Written) -> None:
    text = ask(written, RARE).text
    assert "test-draft" not in text
    assert "test-later" not in text


@pytest.mark.platform
def test_a_title_counts_more_than_the_text(written: Written) -> None:
    text = ask(written, f"{RARE} OR stripes").text
    assert text.index("/articles/test-first/") < text.index("/articles/test-second/")


@pytest.mark.platform
def test_phrases_and_words_left_out_are_understood(written: Written) -> None:
    assert "/articles/test-first/" in ask(written, f'"{RARE} is striped"').text
    assert "/articles/test-first/" not in ask(written, f"{RARE} -striped").text
    assert "/articles/test-second/" in ask(written, f"{RARE} -striped").text


@pytest.mark.platform
@pytest.mark.parametrize(
    ("query", "address"),
    [
        ("rabbitmq", "/architecture/rabbitmq/"),
        ("contact", "/contact/"),
        ("about", "/about/"),
        ("paym", "/lab/payments/"),
    ],
)
def test_pages_are_found_by_their_names(written: Written, query: str, address: str) -> None:
    assert f'<a href="{address}">' in ask(written, query).text


@pytest.mark.platform
@pytest.mark.parametrize(
    ("query", "status", "sentence"),
    [
        (None, 200, "Articles are searched by their text"),
        ("", 200, "The query was empty."),
        ("   ", 200, "The query was empty."),
        ("the and of", 200, "Such words stand in every text."),
        ("xyzzyx", 200, "Nothing here matches “xyzzyx”."),
        ("a" * 201, 400, "The query is longer than 200 characters."),
        ("\x00", 200, "The query was empty."),
        ("'; DROP TABLE xyzzyx; --", 200, "Nothing here matches"),
        ('" ( & | ! <->', 200, "stand in every text"),
    ],
)
def test_every_query_is_answered_in_words(
    written: Written, query: str | None, status: int, sentence: str
) -> None:
    answer = ask(written, query)
    assert (answer.status_code, sentence in answer.text) == (status, True)


@pytest.mark.platform
def test_what_was_typed_is_never_markup(written: Written) -> None:
    text = ask(written, '"><script>alert(1)</script>').text
    assert "<script>alert" not in text
