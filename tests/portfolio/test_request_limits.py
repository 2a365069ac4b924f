"""Each place of which one address could take everybody's share refuses it in words, with 429."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from unittest.mock import Mock
from uuid import uuid4

import pytest
from asgiref.testing import ApplicationCommunicator
from django.test import Client, RequestFactory

from cluster.kit.visitors import address_key
from cluster.storefront.concurrency_limiter import ConcurrencyLimiter
from cluster.storefront.contact.accept import MOST_OF_ONE, keep
from cluster.storefront.stream import listening
from cluster.storefront.tokens import grants
from portfolio.api import idempotency, products, rate_limits
from portfolio.api.problems import Problem
from portfolio.contact import views as contact
from portfolio.demos import runs
from portfolio.edge import websocket_limit
from portfolio.edge.websocket_limit import LimitedWebSockets
from portfolio.pages import checkouts
from tests.portfolio.admin_visit import JSON
from tests.portfolio.contact.messages import a_message, fields
from tests.problems import problem

pytestmark = pytest.mark.usefixtures("signing_key")

HERE, MACHINE = "203.0.113.7", "127.0.0.1"
WAIT = 17  # seconds


class Exhausted:
    """A limiter whose window is full for every address."""

    most = 60

    def take(self, key: str) -> int:
        return WAIT if key else 0


@pytest.fixture(autouse=True)
def accepted(monkeypatch: pytest.MonkeyPatch) -> list[Callable[..., Any]]:
    """The units of work that pages would run, while every window is full."""
    done: list[Callable[..., Any]] = []
    for page in (checkouts, contact):
        monkeypatch.setattr(page, "run_in_transaction", done.append)
        monkeypatch.setattr(page, "_of_addresses", Exhausted())
    for module in (products, runs):
        monkeypatch.setattr(module, "_of_addresses", Exhausted())
    monkeypatch.setattr(rate_limits, "_of_addresses", defaultdict(Exhausted))
    monkeypatch.setattr(contact, "_words", lambda: None)
    return done


def refused(answer: Any, sentence: str) -> None:
    """Assert that a program is told so by problem details."""
    assert sentence in problem(answer, 429)["detail"]
    assert answer.headers["Retry-After"] == str(WAIT)


# Pages --------------------------------------------------------------------------------

PURCHASE = {"sku": "FLAG-GREEN", "outcome": "success"}


def test_an_address_that_starts_too_many_checkouts_is_refused(accepted: list[Any]) -> None:
    program = Client(REMOTE_ADDR=HERE, headers=JSON)
    refused(program.post("/checkouts/", PURCHASE), "checkouts were started from your address")
    person = Client(REMOTE_ADDR=HERE).post("/checkouts/", PURCHASE)
    assert person.status_code == 429
    assert person.headers["Retry-After"] == str(WAIT)
    assert "checkouts were started from your address" in person.content.decode()
    assert accepted == []
    assert Client(REMOTE_ADDR=MACHINE).post("/checkouts/", PURCHASE).status_code == 302
    assert len(accepted) == 1


def test_an_address_that_writes_too_much_is_refused_with_its_words(accepted: list[Any]) -> None:
    program = Client(REMOTE_ADDR=HERE, headers=JSON)
    refused(program.post("/contact/", fields()), "messages were sent from your address")
    person = Client(REMOTE_ADDR=HERE).post("/contact/", fields())
    assert person.status_code == 429
    assert "messages were sent from your address" in person.content.decode()
    assert fields()["message"] in person.content.decode()
    assert accepted == []
    assert Client(REMOTE_ADDR=MACHINE).post("/contact/", fields()).status_code == 302
    assert len(accepted) == 1


def test_messages_of_this_machine_have_no_limit_of_their_own() -> None:
    work = Mock(now=datetime.now(UTC))
    work.cursor.fetchone.side_effect = [None, (MOST_OF_ONE, MOST_OF_ONE)]
    keep(work, a_message(remote=contact.remote_of(RequestFactory().get("/", REMOTE_ADDR=MACHINE))))
    assert "INSERT" in work.cursor.execute.call_args[0][0]


# Demos --------------------------------------------------------------------------------


def run_over_api(address: str) -> Any:
    return Client(REMOTE_ADDR=address).post(
        "/api/v1/demos/ledger/runs", "{}", content_type="application/json"
    )


def test_an_address_that_runs_too_many_demos_is_refused() -> None:
    refused(run_over_api(HERE), "Your address has run many demos")
    page = Client(REMOTE_ADDR=HERE).post("/lab/demos/ledger/runs/", {"run": str(uuid4())})
    assert page.status_code == 429
    assert page.headers["Retry-After"] == str(WAIT)
    assert "Your address has run many demos" in page.content.decode()


def test_an_address_has_its_share_of_the_places_of_demos(monkeypatch: pytest.MonkeyPatch) -> None:
    here = address_key(RequestFactory().get("/", REMOTE_ADDR=HERE))
    monkeypatch.setattr(runs, "_of_addresses", Mock(take=lambda _: 0))
    monkeypatch.setattr(runs, "PATIENCE", 0.01)
    monkeypatch.setattr(runs, "_places", ConcurrencyLimiter(2, share=1))
    runs._places.acquire(here)
    answer = run_over_api(HERE)
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "5"
    assert "demos from your address are running" in answer.json()["detail"]
    runs._places.acquire("another")
    assert run_over_api("203.0.113.8").status_code == 503
    assert run_over_api(MACHINE).status_code == 503


def test_one_address_leaves_a_place_for_others() -> None:
    assert runs.MOST_AT_ONCE_OF_ADDRESS < runs.MOST_AT_ONCE


# WebSockets ---------------------------------------------------------------------------


async def opening(address: str, **headers: str) -> list[Any]:
    """Return what the server sends to a client that opens a WebSocket."""

    async def application(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "websocket.close"})

    named = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {
        "type": "websocket",
        "path": "/stream/",
        "headers": [(b"host", b"localhost"), *named],
        "client": [address, 4711],
    }
    socket = ApplicationCommunicator(LimitedWebSockets(application), scope)
    await socket.send_input({"type": "websocket.connect"})
    await socket.wait()
    sent = []
    while not socket.output_queue.empty():
        sent.append(socket.output_queue.get_nowait())
    return sent


async def test_an_address_that_opens_too_many_websockets_is_told_so_and_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(websocket_limit, "_of_addresses", Exhausted())
    passed_on = [{"type": "websocket.close"}]
    accepted, told, closed = await opening(HERE)
    assert accepted == {"type": "websocket.accept"}
    assert json.loads(told["text"]) == {
        "kind": "state",
        "state": f"closed: your address opens too many connections; wait {WAIT} s",
    }
    assert closed == {"type": "websocket.close", "code": 4013}
    assert await opening(MACHINE) == passed_on
    assert await opening(HERE, origin="https://elsewhere.example") == passed_on


def test_one_address_may_fill_its_seats_and_turn_pages() -> None:
    assert websocket_limit.MOST_OPENED > 2 * listening.MOST_OF_ADDRESS


# The API ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "body", "sentence"),
    [
        ("checkouts", {"sku": "FLAG-GREEN"}, "checkouts were started from your address"),
        ("products", {"name": "A ticket", "price": 20, "stock": 10}, "has asked for 60 listings"),
        ("refunds", {"order": str(uuid4())}, "has asked for 60 refunds"),
        ("tokens", {}, "has asked for 60 tokens"),
        ("tokens/refresh", {"refresh_token": "x"}, "has asked for 60 exchanges of tokens"),
        ("tokens/revoke", {"token": "x"}, "has asked for 60 revocations of tokens"),
        ("erasures", {"confirm": True}, "has asked for 60 erasures"),
    ],
)
def test_an_address_that_is_a_new_visitor_each_time_is_refused(
    monkeypatch: pytest.MonkeyPatch, path: str, body: dict[str, Any], sentence: str
) -> None:
    work = Mock(now=datetime.now(UTC))
    work.cursor.fetchone.side_effect = [None, (True,), None]  # the key has not been used before
    monkeypatch.setattr(idempotency, "run_in_transaction", lambda act: act(work))
    monkeypatch.setattr(grants, "run_in_transaction", lambda act: act(work))
    monkeypatch.setattr(rate_limits, "_left", lambda *_: "")
    answer = Client(REMOTE_ADDR=HERE).post(
        f"/api/v1/{path}",
        json.dumps(body),
        content_type="application/json",
        headers={"Idempotency-Key": str(uuid4())},
    )
    refused(answer, sentence)
    assert answer.json()["type"] == "/api/#quota-exceeded"


def test_an_address_that_amends_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "_of_visitors", Mock(take=lambda _: 0))
    request = RequestFactory().patch("/", REMOTE_ADDR=HERE)
    with pytest.raises(Problem) as refusal:
        products._keep_pace(request, "a visitor")
    assert refusal.value.status == 429
    assert refusal.value.headers == {"Retry-After": str(WAIT)}
    assert refusal.value.detail.startswith("Visitors from your address have amended products")
    products._keep_pace(RequestFactory().patch("/", REMOTE_ADDR=MACHINE), "a visitor")


def test_a_visitor_that_amends_too_much_is_refused_wherever_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(products, "_of_visitors", Exhausted())
    with pytest.raises(Problem, match="You have amended products 60 times in a minute"):
        products._keep_pace(RequestFactory().patch("/", REMOTE_ADDR=MACHINE), "a visitor")
