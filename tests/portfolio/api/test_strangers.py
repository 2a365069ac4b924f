"""A client without cookie and token owns its idempotency keys under its address."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
import requests
from django.test import RequestFactory

from portfolio.api.idempotency import _address_scope
from tests.portfolio.api.client import PURCHASE, Client

# Addresses for documentation (RFC 5737). The site believes the header, since the tests come from a
# private network, as a proxy would.
HERE, ELSEWHERE = "203.0.113.7", "203.0.113.8"


def ask(site: str, key: str, address: str) -> requests.Response:
    """Start a checkout as a client without cookies, and return the answer."""
    headers = {"X-Forwarded-For": address}
    return Client(site).post("/checkouts", PURCHASE, key=key, **headers)


@pytest.mark.platform
def test_a_stranger_who_asks_again_gets_the_first_answer(platform_url: str) -> None:
    key = str(uuid4())
    first, again = (ask(platform_url, key, HERE) for _ in range(2))

    assert (first.status_code, again.status_code, again.content) == (202, 202, first.content)
    assert again.headers["Idempotent-Replayed"] == "true"


@pytest.mark.platform
def test_one_key_of_strangers_at_two_addresses_means_two_deeds(platform_url: str) -> None:
    key = str(uuid4())
    here, elsewhere = ask(platform_url, key, HERE), ask(platform_url, key, ELSEWHERE)

    assert (here.status_code, elsewhere.status_code) == (202, 202)
    assert here.json()["id"] != elsewhere.json()["id"]
    assert "Idempotent-Replayed" not in elsewhere.headers


@pytest.mark.platform
def test_strangers_who_ask_at_once_with_one_key_get_one_deed(platform_url: str) -> None:
    key = str(uuid4())
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: ask(platform_url, key, HERE), range(4)))

    assert {answer.status_code for answer in answers} <= {202, 409}
    assert len({answer.content for answer in answers if answer.status_code == 202}) == 1


@pytest.mark.usefixtures("signing_key")
def test_the_scope_of_a_stranger_does_not_hold_the_address() -> None:
    scopes = [
        _address_scope(RequestFactory().post("/", REMOTE_ADDR=address))
        for address in (HERE, HERE, ELSEWHERE)
    ]

    assert scopes[0] == scopes[1] != scopes[2]
    assert HERE not in scopes[0]
