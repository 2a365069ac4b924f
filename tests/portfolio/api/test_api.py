"""The API gives a client its own resources only, and every answer the declared headers."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import pytest
import requests

from portfolio.demos.queries import read
from tests.conditions import eventually
from tests.portfolio.api.client import PURCHASE, Client
from tests.problems import problem as problem_of

STARTS = """
    SELECT envelope FROM journal WHERE correlation = %s AND type = 'checkout.start_checkout.v1'
"""

pytestmark = pytest.mark.platform


@pytest.fixture
def stranger(platform_url: str) -> Client:
    return Client(platform_url)


def problem(answer: requests.Response, status: int) -> dict[str, Any]:
    """Assert that an answer is a problem document, and says in a sentence what is wrong."""
    document = problem_of(answer, status)
    assert document["detail"].endswith(".")
    return document


def test_a_checkout_is_followed_to_its_order_payment_ledger_refund_and_erasure(
    client: Client, stranger: Client
) -> None:
    begun = client.post("/checkouts", PURCHASE)
    assert begun.status_code == 202, begun.text
    checkout = begun.json()["id"]
    assert begun.headers["Location"] == f"/api/v1/checkouts/{checkout}"
    assert begun.headers["RateLimit-Policy"] == '"checkouts";q=10;w=60'
    assert re.fullmatch(r'"checkouts";r=9;t=\d+', begun.headers["RateLimit"])

    eventually(lambda: client.get(f"/checkouts/{checkout}").json()["status"] == "completed")
    followed = client.get(f"/checkouts/{checkout}").json()
    types = [event["type"] for event in followed["events"]]
    assert types[0] == "checkout.start_checkout.v1"
    assert "checkout.checkout_completed.v1" in types
    eventually(lambda: client.get(f"/orders/{checkout}").json()["state"] == "fulfilled")
    assert client.get(f"/payments/{checkout}").json()["captured"] == begun.json()["amount"]
    ledger = client.get("/ledger?limit=1").json()
    assert ledger["sum"] == 0
    assert {entry["payment"] for entry in ledger["items"]} == {checkout}
    following = client.get(f"/ledger?limit=100&cursor={ledger['next']}").json()
    assert all(entry["id"] < ledger["items"][0]["id"] for entry in following["items"])

    # No other visitor can read the resources of this one.
    stranger.post("/checkouts", PURCHASE, key=None)
    for path in ("checkouts", "orders", "payments"):
        problem(stranger.get(f"/{path}/{checkout}"), 404)
    assert stranger.get("/ledger").json()["items"] == []
    problem(stranger.post("/refunds", {"order": checkout}), 422)

    refund = client.post("/refunds", {"order": checkout})
    assert refund.status_code == 202, refund.text
    location = refund.headers["Location"].removeprefix("/api/v1")
    problem(stranger.get(location), 404)
    eventually(lambda: client.get(location).json()["status"] == "completed")
    assert [each["id"] for each in client.get("/refunds").json()["items"]] == [refund.json()["id"]]

    erasure = client.post("/erasures", {"confirm": True})
    assert erasure.status_code == 202, erasure.text
    location = erasure.headers["Location"].removeprefix("/api/v1")
    eventually(lambda: client.get(location).json()["status"] == "completed")
    assert client.get("/checkouts").json()["items"] == []


def test_a_key_means_one_deed(client: Client) -> None:
    key = str(uuid4())
    first = client.post("/checkouts", PURCHASE, key=key)
    again = client.post("/checkouts", PURCHASE, key=f'"{key}"')
    assert (again.status_code, again.content, again.headers["Location"]) == (
        202,
        first.content,
        first.headers["Location"],
    )
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    other = problem(client.post("/checkouts", {**PURCHASE, "quantity": 2}, key=key), 422)
    assert other["type"] == "/api/#idempotency-key-reused"
    missing = problem(client.post("/checkouts", PURCHASE, key=None), 400)
    assert missing["type"] == "/api/#idempotency-key-missing"


def test_the_quota_is_told_and_kept(client: Client) -> None:
    left = [client.post("/checkouts", PURCHASE).headers["RateLimit"] for _ in range(10)]
    assert [text.split(";")[1] for text in left] == [f"r={n}" for n in range(9, -1, -1)]
    refused = client.post("/checkouts", PURCHASE)
    assert problem(refused, 429)["type"] == "/api/#quota-exceeded"
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    page = client.get("/checkouts?limit=7").json()
    rest = client.get(f"/checkouts?limit=7&cursor={page['next']}").json()
    assert (len(page["items"]), len(rest["items"]), rest["next"]) == (7, 3, None)


def test_the_trace_of_a_caller_becomes_the_trace_of_what_is_started(client: Client) -> None:
    trace = uuid4().hex
    begun = client.post(
        "/checkouts", PURCHASE, traceparent=f"00-{trace}-00f067aa0ba902b7-01"
    ).headers
    assert begun["traceparent"].split("-")[1] == trace
    checkout = begun["Location"].rpartition("/")[2]
    [(envelope,)] = eventually(
        lambda: read("site", lambda cursor: cursor.execute(STARTS, (checkout,)).fetchall())
    )
    assert envelope["traceparent"].split("-")[1] == trace

    ignored = client.post("/checkouts", PURCHASE, traceparent=f"00-{'0' * 32}-00f067aa0ba902b7-01")
    assert ignored.headers["traceparent"].split("-")[1] == ignored.json()["id"].replace("-", "")


def test_what_http_asks_of_every_resource(client: Client) -> None:
    found = client.get("/search?q=outbox")
    assert found.json()["articles"]
    tag = found.headers["ETag"]
    assert client.get("/search?q=outbox", **{"If-None-Match": tag}).status_code == 304
    other = client.session.delete(found.url, timeout=10)
    problem(other, 405)
    assert other.headers["Allow"] == "GET, HEAD, OPTIONS"
    assert client.session.options(found.url, timeout=10).headers["Allow"] == "GET, HEAD, OPTIONS"
    head = client.session.head(found.url, timeout=10)
    assert (head.status_code, head.content) == (200, b"")
    problem(client.get("/search?q=outbox", Accept="text/html"), 406)
    problem(client.get("/search"), 422)
    problem(client.get("/nowhere"), 404)
    assert client.get("/ready").json() == {"ready": True}


def test_what_is_refused_before_anything_is_read(client: Client) -> None:
    checkouts = f"{client.get('/health').url.removesuffix('/health')}/checkouts"
    key = {"Idempotency-Key": str(uuid4())}
    plain = client.session.post(
        checkouts, data="{}", headers={**key, "Content-Type": "text/plain"}, timeout=10
    )
    problem(plain, 415)
    broken = client.session.post(
        checkouts, data="{", headers={**key, "Content-Type": "application/json"}, timeout=10
    )
    problem(broken, 400)
    large = client.post("/checkouts", {"sku": "x" * 70_000})
    problem(large, 413)
    elsewhere = client.post("/checkouts", PURCHASE, **{"Sec-Fetch-Site": "cross-site"})
    assert problem(elsewhere, 403)["type"] == "/api/#other-site"
    problem(client.post("/checkouts", PURCHASE, Origin="https://example.com"), 403)
    forged = client.get("/checkouts", Authorization="Bearer forged")
    assert problem(forged, 401)["type"] == "/api/#invalid-token"
    assert forged.headers["WWW-Authenticate"].startswith("Bearer")
