"""A visitor lists own products, reads them with an entity tag, and loses no update of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.conditions import eventually
from tests.portfolio.api.client import Client

pytestmark = pytest.mark.platform

TICKET = {"name": "Platform ticket", "price": 20, "stock": 3}


def listed(client: Client) -> str:
    """List a product of this visitor, and return its path once catalog has announced it."""
    answer = client.post("/products", TICKET)
    assert answer.status_code == 202, answer.text
    path = f"/products/{answer.json()['sku']}"
    assert answer.headers["Location"].endswith(path)
    eventually(lambda: client.get(path).status_code == 200)
    return path


def amend(client: Client, path: str, tag: str | None, **changes: object) -> requests.Response:
    headers = {} if tag is None else {"If-Match": tag}
    return client.patch(path, changes, **headers)


def test_of_two_editors_the_second_learns_what_the_first_has_made(client: Client) -> None:
    path = listed(client)
    seen = client.get(path).headers["ETag"]
    assert seen == '"1"'
    assert client.get(path, **{"If-None-Match": seen}).status_code == 304

    first = amend(client, path, seen, name="Day ticket")
    second = amend(client, path, seen, price=90)

    assert (first.status_code, first.headers["ETag"]) == (200, '"2"'), first.text
    assert client.get(path).json() == first.json()
    assert second.status_code == 412, second.text
    assert second.headers["ETag"].removeprefix("W/") == '"2"'  # a compressed answer has a weak tag
    assert second.json()["current"] == {
        "sku": first.json()["sku"],
        "name": "Day ticket",
        "price": 20,
        "version": 2,
    }
    assert amend(client, path, second.headers["ETag"], price=90).json()["version"] == 3


def test_of_twenty_writers_with_one_tag_one_wins(client: Client) -> None:
    path = listed(client)

    def writer(number: int) -> Callable[[], requests.Response]:
        return lambda: amend(client, path, '"1"', price=100 + number)

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda write: write(), [writer(number) for number in range(20)]))

    assert Counter(answer.status_code for answer in answers) == {200: 1, 412: 19}
    [winner] = [answer.json() for answer in answers if answer.status_code == 200]
    assert client.get(path).json() == winner
    assert {answer.json()["current"]["price"] for answer in answers if "current" in answer.json()}
    assert winner["version"] == 2


def test_nothing_is_amended_unseen_nor_by_others(client: Client, platform_url: str) -> None:
    path = listed(client)

    assert amend(client, path, None, price=1).status_code == 428
    assert amend(Client(platform_url), path, '"1"', price=1).status_code == 404
    assert amend(client, "/products/MUG-ENAMEL", '"1"', price=1).status_code == 404
    own = client.get("/products?own=true").json()["items"]
    assert [(item["price"], item["version"]) for item in own] == [(20, 1)]
    assert path.rpartition("/")[2] not in Client(platform_url).get("/products").text
