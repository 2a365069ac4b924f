"""The site over HTTP: pages, headers, and errors as plain sentences and problem details."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import requests

from tests.portfolio.admin_visit import JSON, Visit
from tests.problems import problem

pytestmark = pytest.mark.platform


@pytest.fixture
def visit(platform_url: str) -> Visit:
    return Visit(platform_url)


def start(visit: Visit, **headers: str) -> Callable[..., requests.Response]:
    """Return a function that sends the form of the page of all messages."""
    token = visit.token("/events/")
    return lambda **fields: visit.send(
        "/checkouts/", {"csrfmiddlewaretoken": token, **fields}, headers
    )


def first_product(visit: Visit) -> str:
    page = visit.get("/events/").text
    return page.split('name="sku"', 1)[1].split('value="', 1)[1].split('"', 1)[0]


def test_the_page_of_all_messages_shows_them_drawn_on_the_server(platform_url: str) -> None:
    page = requests.get(f"{platform_url}/events/", timeout=10)
    assert page.status_code == 200
    assert '<a class="headcode" href="/sagas/' in page.text
    assert "Without JavaScript it stands still" in page.text


@pytest.mark.parametrize("path", ["/", "/nothing-here", "/healthz", "/static/kit/site.css"])
def test_no_answer_names_the_server_or_may_be_sniffed(platform_url: str, path: str) -> None:
    answer = requests.get(f"{platform_url}{path}", timeout=10)
    assert "Server" not in answer.headers
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["/", "/nothing-here", "/admin/login/"])
def test_pages_allow_neither_inline_nor_foreign_code(platform_url: str, path: str) -> None:
    policy = requests.get(f"{platform_url}{path}", timeout=10).headers["Content-Security-Policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
    assert "unsafe" not in policy


def test_the_process_answers_and_is_ready(platform_url: str) -> None:
    assert requests.get(f"{platform_url}/healthz", timeout=10).text == "ok\n"
    assert requests.get(f"{platform_url}/readyz", timeout=10).json() == {
        "ready": True,
        "missing": {},
    }


def test_an_unknown_address_is_a_plain_page_or_a_problem(platform_url: str) -> None:
    page = requests.get(f"{platform_url}/nothing-here", timeout=10)
    assert (page.status_code, "There is no page at this address." in page.text) == (404, True)
    answer = requests.get(f"{platform_url}/nothing-here", headers=JSON, timeout=10)
    assert problem(answer, 404) == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "There is no page at this address.",
        "instance": "/nothing-here",
    }


def test_another_host_name_is_refused(platform_url: str) -> None:
    answer = requests.get(f"{platform_url}/", headers={"Host": "evil.example"}, timeout=10)
    assert answer.status_code == 400


def test_a_visitor_starts_a_checkout_and_is_led_to_its_page(visit: Visit) -> None:
    answer = start(visit)(sku=first_product(visit), quantity="1", outcome="success")
    assert answer.status_code == 200
    assert answer.url.startswith(f"{visit.url}/sagas/")


@pytest.mark.parametrize(
    ("fields", "detail"),
    [
        ({}, "Choose a product. Choose an outcome."),
        ({"sku": "x", "outcome": "riches"}, "There is no such outcome."),
        ({"sku": "x", "outcome": "success", "quantity": "0"}, "must be between 1 and 100"),
        ({"sku": "x", "outcome": "success", "quantity": "1e9"}, "must be a whole number"),
        ({"sku": "no-such-thing", "outcome": "success"}, "There is no product 'no-such-thing'"),
    ],
)
def test_what_cannot_be_accepted_is_refused_with_a_sentence(
    visit: Visit, fields: dict[str, str], detail: str
) -> None:
    assert detail in problem(start(visit, **JSON)(**fields), 422)["detail"]


def test_a_visitor_who_starts_too_many_is_asked_to_wait(visit: Visit) -> None:
    fields = {"sku": first_product(visit), "outcome": "success"}
    again = start(visit, **JSON)
    answers = [again(**fields) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [202] * 10 + [429]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60


def test_a_form_of_another_site_is_refused(platform_url: str) -> None:
    answer = requests.post(f"{platform_url}/checkouts/", data={}, headers=JSON, timeout=10)
    assert "The form had expired" in problem(answer, 403)["detail"]
