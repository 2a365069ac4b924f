"""The page of the contact form loses no text that was typed, and takes a message once."""

from __future__ import annotations

import re
import uuid
from http import HTTPStatus
from typing import Any

import pytest
import requests
from django.test import Client

from cluster.secrets.postgres import DatabaseUnavailable
from cluster.storefront.transactions import run_in_transaction
from portfolio.contact import views as page
from tests.conditions import eventually
from tests.portfolio.admin_visit import JSON
from tests.portfolio.contact.messages import WORDS, fields
from tests.problems import problem

pytestmark = pytest.mark.usefixtures("signing_key")


@pytest.fixture
def no_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw the page without the owner's words, which are in the database."""
    monkeypatch.setattr(page, "_words", lambda: None)


def test_with_the_database_away_the_message_stays_in_the_form(
    monkeypatch: pytest.MonkeyPatch, no_words: None
) -> None:
    def away(_act: Any) -> None:
        raise DatabaseUnavailable("site")

    monkeypatch.setattr(page, "run_in_transaction", away)
    answer = Client().post("/contact/", fields())
    text = answer.content.decode()
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert "your message was not kept. It is still in the form" in text
    assert WORDS in text
    assert 'value="ada@example.org"' in text


def test_a_request_whose_token_is_refused_keeps_what_was_typed(no_words: None) -> None:
    answer = Client(enforce_csrf_checks=True).post("/contact/", fields())
    assert answer.status_code == 403
    assert WORDS in answer.content.decode()


def test_what_was_typed_is_escaped_when_it_is_drawn_again(no_words: None) -> None:
    evil = '"><script>alert(1)</script></textarea><script>'
    answer = Client().post("/contact/", fields(name=evil, message=evil, email="x"))
    assert answer.status_code == 422
    assert "<script>alert" not in answer.content.decode()


def test_programs_get_a_problem_document_with_a_sentence_for_each_field(no_words: None) -> None:
    answer = Client(headers=JSON).post("/contact/", fields(name=""))
    assert problem(answer, 422) == {
        "type": "about:blank",
        "title": HTTPStatus.UNPROCESSABLE_ENTITY.phrase,  # Python 3.13 says it by RFC 9110
        "status": 422,
        "detail": "Write your name.",
        "instance": "/contact/",
        "errors": {"name": ["Write your name."]},
    }


@pytest.mark.platform
def test_a_program_that_sends_a_form_twice_is_told_of_one_message(platform_url: str) -> None:
    with requests.Session() as visitor:
        drawn = visitor.get(f"{platform_url}/contact/", timeout=10).text
        [signed] = re.findall(r'name="signed" value="([^"]+)"', drawn)
        visitor.headers["X-CSRFToken"] = str(visitor.cookies["csrftoken"])
        written = fields(signed=signed)
        url = f"{platform_url}/contact/"

        def taken() -> requests.Response | None:
            answer = visitor.post(url, data=written, headers=JSON, timeout=10)
            return answer if answer.status_code == HTTPStatus.CREATED else None

        answers = [eventually(taken) for _ in range(2)]  # the first attempts are too fast
    identifiers = {answer.json()["id"] for answer in answers if answer}
    delete, ids = "DELETE FROM contact_message WHERE id = ANY(%s)", [*map(uuid.UUID, identifiers)]
    run_in_transaction(lambda work: work.cursor.execute(delete, (ids,)))
    assert len(identifiers) == 1


@pytest.mark.platform
def test_the_page_is_a_form_that_works_without_javascript(platform_url: str) -> None:
    answer = requests.get(f"{platform_url}/contact/", timeout=10)
    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]
    for name in ("csrfmiddlewaretoken", "signed", "name", "email", "subject", "message"):
        assert f'name="{name}"' in answer.text
