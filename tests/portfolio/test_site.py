"""The site over HTTP: pages, headers, and errors as plain sentences and problem details."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

pytestmark = pytest.mark.platform
JSON = {"Accept": "application/json"}


@pytest.fixture
def visitor(platform_url: str) -> Iterator[requests.Session]:
    """A visitor who has opened the page with the form."""
    with requests.Session() as session:
        session.get(f"{platform_url}/events/").raise_for_status()
        session.headers["X-CSRFToken"] = str(session.cookies["csrftoken"])
        yield session


def first_product(visitor: requests.Session, platform_url: str) -> str:
    page = visitor.get(f"{platform_url}/events/").text
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
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json() == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "There is no page at this address.",
        "instance": "/nothing-here",
    }


def test_another_host_name_is_refused(platform_url: str) -> None:
    answer = requests.get(f"{platform_url}/", headers={"Host": "evil.example"}, timeout=10)
    assert answer.status_code == 400


def test_a_visitor_starts_a_checkout_and_is_led_to_its_page(
    visitor: requests.Session, platform_url: str
) -> None:
    sku = first_product(visitor, platform_url)
    answer = visitor.post(
        f"{platform_url}/checkouts/", data={"sku": sku, "quantity": "1", "outcome": "success"}
    )
    assert answer.status_code == 200
    assert answer.url.startswith(f"{platform_url}/sagas/")


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
    visitor: requests.Session, platform_url: str, fields: dict[str, str], detail: str
) -> None:
    answer = visitor.post(f"{platform_url}/checkouts/", data=fields, headers=JSON)
    assert answer.status_code == 422
    assert detail in answer.json()["detail"]


def test_a_visitor_who_starts_too_many_is_asked_to_wait(
    visitor: requests.Session, platform_url: str
) -> None:
    fields = {"sku": first_product(visitor, platform_url), "outcome": "success"}
    answers = [
        visitor.post(f"{platform_url}/checkouts/", data=fields, headers=JSON) for _ in range(11)
    ]
    assert [answer.status_code for answer in answers] == [202] * 10 + [429]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60


def test_a_form_of_another_site_is_refused(platform_url: str) -> None:
    answer = requests.post(f"{platform_url}/checkouts/", data={}, headers=JSON, timeout=10)
    assert answer.status_code == 403
    assert "The form had expired" in answer.json()["detail"]
