"""How often the admin's password or code may be tried: by address, by account, by browser."""

from __future__ import annotations

import itertools
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from portfolio.admin_site import login_limits
from portfolio.admin_site.login_limits import (
    BROWSER,
    axes_address,
    known_browser,
    remember_browser,
    seconds_until_attempt,
)

ADDRESSES = (f"198.51.{high}.{low}" for high, low in itertools.product(range(256), range(256)))


def attempt(address: str, *, cookie: str = "") -> HttpRequest:
    """Return a request that a proxy on this machine has passed on from `address`."""
    request = RequestFactory().post("/admin/login/", headers={"X-Forwarded-For": address})
    if cookie:
        request.COOKIES[BROWSER] = cookie
    return request


@pytest.fixture
def name() -> str:
    return f"attacked-{uuid4().hex[:8]}"


def cookie_of(name: str) -> str:
    response = remember_browser(HttpResponse(), User(username=name))
    return response.cookies[BROWSER].value


def test_an_account_is_limited_over_all_addresses(name: str) -> None:
    waits = [seconds_until_attempt(attempt(next(ADDRESSES)), name) for _ in range(51)]

    assert waits[:50] == [0] * 50
    assert 1 <= waits[50] <= login_limits.PERIOD


def test_an_address_is_limited_over_all_accounts() -> None:
    address = next(ADDRESSES)
    waits = [seconds_until_attempt(attempt(address), uuid4().hex) for _ in range(31)]

    assert waits[:30] == [0] * 30
    assert 1 <= waits[30] <= login_limits.PERIOD


def test_an_ipv6_network_is_one_address() -> None:
    network = f"2001:db8:{uuid4().hex[:4]}:1:"
    waits = [
        seconds_until_attempt(attempt(f"{network}:{number:x}"), uuid4().hex)
        for number in range(1, 32)
    ]

    assert waits[:30] == [0] * 30
    assert waits[30] > 0
    assert axes_address(attempt(f"{network}:1")) == axes_address(attempt(f"{network}:2"))


def test_a_browser_that_has_logged_in_before_is_counted_by_itself(name: str) -> None:
    for _ in range(51):
        refused = seconds_until_attempt(attempt(next(ADDRESSES)), name)
    known = attempt(next(ADDRESSES), cookie=cookie_of(name))

    assert refused > 0
    assert [seconds_until_attempt(known, name) for _ in range(10)] == [0] * 10
    assert seconds_until_attempt(known, name) > 0


def test_a_browser_is_known_for_its_own_account_alone(name: str) -> None:
    request = attempt(next(ADDRESSES), cookie=cookie_of("somebody"))

    assert known_browser(request, "somebody")
    assert known_browser(request, name) == ""
    assert known_browser(attempt(next(ADDRESSES), cookie="made up"), name) == ""


def test_codes_of_an_app_have_a_smaller_limit(name: str) -> None:
    waits = [seconds_until_attempt(attempt(next(ADDRESSES)), name, code=True) for _ in range(6)]

    assert waits[:5] == [0] * 5
    assert 1 <= waits[5] <= login_limits.HOUR


def test_this_machine_is_not_limited(name: str) -> None:
    waits = [seconds_until_attempt(attempt("127.0.0.1"), name) for _ in range(60)]

    assert not any(waits)


@pytest.mark.parametrize(("seconds", "words"), [(1, "1 minute"), (61, "2 minutes")])
def test_the_wait_is_told_in_minutes(seconds: int, words: str) -> None:
    assert login_limits.wait_words(seconds) == words


def test_the_answer_names_the_wait(rf: Any) -> None:
    request = rf.post("/admin/login/", headers={"Accept": "application/json"})
    answer = login_limits.too_many(request, 130)

    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "130"
    assert "Try again in 3 minutes." in answer.content.decode()
