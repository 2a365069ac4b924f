"""The sandbox provider over real HTTP, with its books in a real file."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import UUID, uuid4

import aiohttp
import msgspec
import pytest
from aiohttp import web

from cluster.checkout.definition import AUTHORISATION_DEADLINE
from cluster.payments.provider_api import (
    BooksPage,
    EventType,
    Operation,
    OperationKind,
    OperationsRequest,
    PaymentStatement,
    ProviderEvent,
    WebhookDelivery,
)
from cluster.payments.sandbox.books import Books, KeyReusedError
from cluster.payments.sandbox.client import ProviderUnavailableError, read_books, read_total
from cluster.payments.sandbox.decisions import (
    LATE_AUTHORISATION,
    SLOW_AUTHORISATION,
    slow_authorisation,
)
from cluster.payments.sandbox.server import Provider
from cluster.payments.signature import verify
from tests.clock import Clock
from tests.conditions import eventually_async
from tests.payments.conftest import KEYS, served
from tests.servers import free_port

AMOUNT = 500


def operation(kind: OperationKind, payment: UUID, card: str = "tok_ok") -> Operation:
    return Operation(uuid4(), payment, kind, AMOUNT, card)


@pytest.fixture
def clock() -> Clock:
    return Clock(1_700_000_000.0)


@pytest.fixture
def books(tmp_path: Path, clock: Clock) -> Iterator[Books]:
    books = Books(tmp_path / "provider.sqlite3", clock=clock)
    yield books
    books.close()


def told(books: Books, payment: UUID) -> list[EventType]:
    statement = books.statement(payment)
    return [event.type for event in statement.events] if statement else []


@pytest.mark.parametrize(
    ("kinds", "events"),
    [
        (["authorise", "capture"], ["authorised", "captured"]),
        (["authorise", "void"], ["authorised", "voided"]),
        (["authorise", "capture", "refund"], ["authorised", "captured", "refunded"]),
        (["void"], ["nothing_to_void"]),
        (["capture"], ["capture_refused"]),
        (["authorise", "refund"], ["authorised", "nothing_to_refund"]),
        (["authorise", "capture", "void"], ["authorised", "captured", "nothing_to_void"]),
        (["authorise", "void", "capture"], ["authorised", "voided", "capture_refused"]),
    ],
)
def test_operations_are_decided_in_their_order(
    books: Books, kinds: list[str], events: list[str]
) -> None:
    payment = uuid4()
    books.accept([operation(OperationKind(kind), payment) for kind in kinds])
    assert told(books, payment) == events


def test_an_operation_that_comes_again_decides_nothing_again(books: Books) -> None:
    payment = uuid4()
    asked = [operation(OperationKind.AUTHORISE, payment), operation(OperationKind.VOID, payment)]
    first, second = books.accept(asked), books.accept(asked)
    assert (first.accepted, first.repeated) == (2, 0)
    assert (second.accepted, second.repeated) == (0, 2)
    assert told(books, payment) == ["authorised", "voided"]


def test_a_key_used_for_another_operation_is_refused_with_its_whole_batch(books: Books) -> None:
    payment = uuid4()
    first = operation(OperationKind.AUTHORISE, payment)
    books.accept([first])
    other = operation(OperationKind.VOID, payment)
    with pytest.raises(KeyReusedError):
        books.accept([other, Operation(first.key, payment, OperationKind.VOID, AMOUNT, "tok_ok")])
    assert told(books, payment) == ["authorised"]


def test_each_card_behaves_as_it_is_called(books: Books, clock: Clock) -> None:
    cards = ("tok_ok", "tok_declined", "tok_silent", "tok_late", "tok_unheard_of")
    payments = {card: uuid4() for card in cards}
    books.accept([operation(OperationKind.AUTHORISE, id_, c) for c, id_ in payments.items()])
    assert {card: told(books, id_) for card, id_ in payments.items()} == {
        "tok_ok": ["authorised"], "tok_declined": ["declined"], "tok_silent": [],
        "tok_late": [], "tok_unheard_of": ["declined"],
    }  # fmt: skip
    clock.now += LATE_AUTHORISATION
    assert books.authorise_due() == 1
    assert books.authorise_due() == 0
    assert told(books, payments["tok_late"]) == ["authorised"]
    assert told(books, payments["tok_silent"]) == []


@pytest.mark.parametrize(
    ("card", "answer"), [("tok_slow", "authorised"), ("tok_slow_declined", "declined")]
)
def test_a_slow_card_is_answered_when_a_bank_would_have_answered(
    books: Books, clock: Clock, card: str, answer: str
) -> None:
    payment = uuid4()
    books.accept([operation(OperationKind.AUTHORISE, payment, card)])
    assert books.next_due() == pytest.approx(slow_authorisation(payment))
    clock.now += slow_authorisation(payment) - 0.01
    assert books.authorise_due() == 0
    clock.now += 0.02
    assert books.authorise_due() == 1
    assert told(books, payment) == [answer]


def test_a_bank_takes_the_same_time_over_a_payment_whenever_it_is_asked() -> None:
    payment = uuid4()
    assert slow_authorisation(payment) == slow_authorisation(payment)


def test_a_bank_answers_soon_mostly_and_always_before_a_checkout_gives_up() -> None:
    pauses = sorted(slow_authorisation(UUID(int=n * 0x0100_0001)) for n in range(256))
    least, most = SLOW_AUTHORISATION
    assert least <= pauses[0] < pauses[-1] <= most
    assert most < AUTHORISATION_DEADLINE.total_seconds()
    assert pauses[128] < (least + most) / 2


def test_a_late_authorisation_comes_although_it_was_voided(books: Books, clock: Clock) -> None:
    payment = uuid4()
    kinds = (OperationKind.AUTHORISE, OperationKind.VOID)
    books.accept([operation(kind, payment, "tok_late") for kind in kinds])
    clock.now += LATE_AUTHORISATION
    books.authorise_due()
    assert told(books, payment) == ["nothing_to_void", "authorised"]


def test_tok_twice_sends_each_webhook_twice(books: Books, clock: Clock) -> None:
    books.accept([operation(OperationKind.AUTHORISE, uuid4(), "tok_twice")])
    clock.now += 10
    events = [delivery.event.id for delivery in books.due_deliveries(10)]
    assert len(events) == 2
    assert len(set(events)) == 1


def test_tok_reordered_tells_of_the_void_before_the_authorisation(
    books: Books, clock: Clock
) -> None:
    payment = uuid4()
    kinds = (OperationKind.AUTHORISE, OperationKind.VOID)
    books.accept([operation(kind, payment, "tok_reordered") for kind in kinds])
    clock.now += 10
    events = [delivery.event.type for delivery in books.due_deliveries(10)]
    assert events == ["voided", "authorised", "authorised"]


def test_a_failed_delivery_is_tried_again_later_and_never_given_up(
    books: Books, clock: Clock
) -> None:
    books.accept([operation(OperationKind.AUTHORISE, uuid4())])
    pauses = []
    for _ in range(40):
        due = books.due_deliveries(10)
        assert len(due) == 1
        books.not_delivered(due)
        pause = books.next_due()
        assert pause is not None
        pauses.append(round(pause, 3))
        clock.now += pause + 0.001
    assert pauses[:6] == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0]
    assert max(pauses) == 2.0
    books.delivered(books.due_deliveries(10))
    assert books.next_due() is None


class Receiver:
    """A stand-in for the gateway that records webhooks, and answers with `status`."""

    def __init__(self) -> None:
        self.events: list[ProviderEvent] = []
        self.status = 200
        self.refused = 0

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/webhooks/provider", self._post)
        return app

    async def _post(self, request: web.Request) -> web.Response:
        body = await request.read()
        header = request.headers["Provider-Signature"]
        verify(header, body, KEYS.webhook_secret, now=time.time())
        if self.status == 200:
            self.events += msgspec.json.decode(body, type=WebhookDelivery).events
        else:
            self.refused += 1
        return web.Response(status=self.status)


@pytest.fixture
async def receiver() -> AsyncIterator[tuple[Receiver, str]]:
    receiver, url = Receiver(), f"http://127.0.0.1:{free_port()}/webhooks/provider"
    async with served(receiver.application(), url):
        yield receiver, url


@pytest.fixture
async def provider_url(tmp_path: Path, receiver: tuple[Receiver, str]) -> AsyncIterator[str]:
    books = Books(tmp_path / "served.sqlite3")
    url = f"http://127.0.0.1:{free_port()}"
    async with served(Provider(books, KEYS, webhook_url=receiver[1]).application(), url):
        yield url
    books.close()


async def call(
    method: str, url: str, body: bytes | None = None, *, key: str = KEYS.api_key
) -> tuple[int, bytes]:
    headers = {"Authorization": f"Bearer {key}"}
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, url, data=body, headers=headers) as answer,
    ):
        return answer.status, await answer.read()


def request(*operations: Operation) -> bytes:
    return msgspec.json.encode(OperationsRequest(list(operations)))


async def test_an_operation_is_answered_by_webhook(
    provider_url: str, receiver: tuple[Receiver, str]
) -> None:
    asked = operation(OperationKind.AUTHORISE, uuid4())
    status, body = await call("POST", f"{provider_url}/v1/operations", request(asked))
    assert (status, body) == (200, b'{"accepted":1,"repeated":0}')
    await eventually_async(lambda: receiver[0].events)
    (event,) = receiver[0].events
    assert (event.type, event.operation, event.amount) == ("authorised", asked.key, AMOUNT)


async def test_a_refused_webhook_is_sent_until_it_is_taken(
    provider_url: str, receiver: tuple[Receiver, str]
) -> None:
    receiver[0].status = 503
    asked = operation(OperationKind.AUTHORISE, uuid4())
    await call("POST", f"{provider_url}/v1/operations", request(asked))
    await eventually_async(lambda: receiver[0].refused >= 3)
    receiver[0].status = 200
    await eventually_async(lambda: receiver[0].events)


@pytest.mark.parametrize(
    ("line", "body", "key", "status"),
    [
        ("POST /v1/operations", b"{}", "wrong", 401),
        ("POST /v1/operations", b"no json", KEYS.api_key, 400),
        ("POST /v1/operations", b'{"operations":[{"kind":"steal"}]}', KEYS.api_key, 400),
        ("GET /v1/payments/nonsense", None, KEYS.api_key, 404),
        (f"GET /v1/payments/{UUID(int=1)}", None, KEYS.api_key, 404),
        ("GET /v1/books?limit=many", None, KEYS.api_key, 400),
        ("GET /v1/books?limit=1&payment=many", None, KEYS.api_key, 400),
    ],
)
async def test_bad_requests_get_problem_details(
    provider_url: str, line: str, body: bytes | None, key: str, status: int
) -> None:
    method, path = line.split()
    answered, problem = await call(method, provider_url + path, body, key=key)
    assert answered == status
    assert msgspec.json.decode(problem)["status"] == status


async def test_the_books_name_every_payment(provider_url: str) -> None:
    held, taken = uuid4(), uuid4()
    await call(
        "POST", f"{provider_url}/v1/operations",
        request(
            operation(OperationKind.AUTHORISE, held), operation(OperationKind.AUTHORISE, taken),
            operation(OperationKind.CAPTURE, taken),
        ),
    )  # fmt: skip
    books = await asyncio.to_thread(read_books, provider_url, api_key=lambda: KEYS.api_key)
    assert {id_: (b.authorised, b.captured) for id_, b in books.items()} == {
        held: (AMOUNT, 0), taken: (0, AMOUNT),
    }  # fmt: skip
    some = await asyncio.to_thread(
        read_books, provider_url, api_key=lambda: KEYS.api_key, payments=[taken, uuid4()]
    )
    assert some == {taken: books[taken]}
    assert await asyncio.to_thread(
        read_books, provider_url, api_key=lambda: KEYS.api_key, payments=[]
    ) == {}  # fmt: skip
    total = await asyncio.to_thread(read_total, provider_url, api_key=lambda: KEYS.api_key)
    assert (total.authorised, total.captured) == (AMOUNT, AMOUNT)
    _, totals = await call("GET", f"{provider_url}/v1/books")
    page = msgspec.json.decode(totals, type=BooksPage)
    assert (page.count, page.authorised, page.captured) == (2, AMOUNT, AMOUNT)
    _, answer = await call("GET", f"{provider_url}/v1/payments/{taken}")
    statement = msgspec.json.decode(answer, type=PaymentStatement)
    assert [event.type for event in statement.events] == ["authorised", "captured"]


def test_a_provider_that_does_not_answer_is_named() -> None:
    with pytest.raises(ProviderUnavailableError):
        read_books(f"http://127.0.0.1:{free_port()}", api_key=lambda: "any")


KILLED_WHILE_ACCEPTING = """
import sys, uuid
from pathlib import Path
from cluster.payments.provider_api import Operation, OperationKind
from cluster.payments.sandbox.books import Books
books = Books(Path(sys.argv[1]))
while True:
    payment = uuid.uuid4()
    books.accept([Operation(uuid.uuid4(), payment, OperationKind.AUTHORISE, 1, "tok_ok")])
    print(payment, flush=True)
"""


def test_what_was_accepted_before_a_kill_is_decided_and_delivered_after_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "killed.sqlite3"
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED_WHILE_ACCEPTING, str(path)],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    confirmed = [UUID(process.stdout.readline().strip()) for _ in range(50)]
    os.kill(process.pid, signal.SIGKILL)
    confirmed += [UUID(line.strip()) for line in process.stdout if line.endswith("\n")]
    process.stdout.close()
    process.wait()
    books = Books(path)
    delivered = {delivery.event.payment for delivery in books.due_deliveries(100_000)}
    assert delivered >= set(confirmed)
    books.close()
    with sqlite3.connect(path) as raw:
        accepted = raw.execute("SELECT count(*) FROM operation").fetchone()[0]
        assert raw.execute("SELECT count(*) FROM event").fetchone()[0] == accepted
    raw.close()
