"""The gateway between a real database and a real provider, over real HTTP."""

from __future__ import annotations

import time
from unittest.mock import Mock
from uuid import UUID, uuid4

import aiohttp
import msgspec
import psycopg
import pytest

from cluster.messaging.envelope import new_message_id
from cluster.messaging.outbox import flush
from cluster.messaging.replays import send_again
from cluster.messaging.work import UnitOfWork
from cluster.orders.contract import RefundRequested
from cluster.payments.contract import (
    AuthorisePayment,
    CapturePayment,
    RefundPayment,
    VoidPayment,
)
from cluster.payments.gateway.keys import READ_EVERY, ProviderKeys
from cluster.payments.gateway.provider import ProviderRefused
from cluster.payments.gateway.reconciliation import Reconciliation
from cluster.payments.provider_api import (
    ASKED,
    HEARD,
    EventType,
    KeyKind,
    Operation,
    ProviderEvent,
    WebhookDelivery,
)
from cluster.payments.provider_keys import HeldKey, keys_of
from cluster.payments.sandbox import decisions
from cluster.payments.service import SERVICE
from cluster.payments.signature import sign
from tests.conditions import eventually_async
from tests.payments.conftest import KEYS, PaymentsSide

AMOUNT = 4200
OPEN_CIRCUIT = "SELECT detail->>'circuit' FROM heartbeat WHERE process = 'payments-gateway'"


def authorise(card: str = "tok_ok") -> AuthorisePayment:
    return AuthorisePayment(visitor="v", amount=AMOUNT, card=card)


async def in_state(payments_side: PaymentsSide, payment: UUID, state: str) -> None:
    await eventually_async(lambda: payments_side.state(payment) == state)


async def test_a_payment_is_authorised_captured_and_refunded(running: PaymentsSide) -> None:
    payment = new_message_id()
    running.handle((payment, authorise()))
    await in_state(running, payment, "authorised")
    assert running.ledger(payment) == {"customer": -AMOUNT, "authorised": AMOUNT}
    running.handle((payment, CapturePayment(amount=AMOUNT)))
    await in_state(running, payment, "captured")
    assert running.ledger(payment) == {"customer": -AMOUNT, "merchant": AMOUNT}
    running.handle((payment, RefundPayment(reason="test")))
    await in_state(running, payment, "refunded")
    assert running.ledger(payment) == {}
    assert running.announced(f"payment/{payment}") == [
        "payment_authorised", "payment_captured", "payment_refunded",
    ]  # fmt: skip
    assert running.query("SELECT version FROM payment WHERE id = %s", payment) == [(3,)]
    assert running.query("SELECT count(*) FROM provider_request") == [(0,)]


async def test_the_refund_saga_gets_the_money_of_a_captured_payment(running: PaymentsSide) -> None:
    order, refund, second = new_message_id(), new_message_id(), new_message_id()
    running.handle((order, authorise()))
    await in_state(running, order, "authorised")
    running.handle((order, CapturePayment(amount=AMOUNT)))
    await in_state(running, order, "captured")
    asked = RefundRequested(order=order, visitor="v", sku="s", quantity=1, amount=AMOUNT)
    running.handle((refund, asked), (second, asked))
    await in_state(running, order, "refunded")
    assert running.announced(f"refund/{refund}") == ["refund_settled"]
    assert running.announced(f"refund/{second}") == ["refund_failed"]
    assert running.ledger(order) == {}


async def test_a_refund_of_an_unknown_order_fails(payments_side: PaymentsSide) -> None:
    refund = new_message_id()
    asked = RefundRequested(order=uuid4(), visitor="v", sku="s", quantity=1, amount=1)
    payments_side.handle((refund, asked))
    assert payments_side.announced(f"refund/{refund}") == ["refund_failed"]


async def test_operations_wait_for_a_provider_that_is_down(payments_side: PaymentsSide) -> None:
    payments = [new_message_id() for _ in range(250)]
    count = "SELECT state, count(*)::int FROM payment WHERE id = ANY(%s) GROUP BY 1 ORDER BY 1"
    expected = [("authorised", 200), ("voided", 50)]
    async with payments_side.gateway():
        payments_side.handle(*((payment, authorise()) for payment in payments))
        payments_side.handle(*((payment, VoidPayment(reason="test")) for payment in payments[:50]))
        await eventually_async(lambda: payments_side.query(OPEN_CIRCUIT) == [("open",)])
        async with payments_side.provider():
            await eventually_async(lambda: payments_side.query(count, payments) == expected)


async def test_webhooks_wait_for_a_gateway_that_is_down(payments_side: PaymentsSide) -> None:
    payment = new_message_id()
    async with payments_side.provider():
        async with payments_side.gateway(hears_webhooks=False):
            payments_side.handle((payment, authorise("tok_reordered")))
            await eventually_async(lambda: payments_side.books.statement(payment) is not None)
        await eventually_async(lambda: bool(payments_side.books.due_deliveries(10)))
        async with payments_side.gateway():
            await in_state(payments_side, payment, "authorised")


async def test_webhooks_sent_twice_take_effect_once(running: PaymentsSide) -> None:
    payment = new_message_id()
    duplicates = "SELECT value FROM counter WHERE name = 'webhooks_deduplicated'"
    # Not always 0: on a slow machine the provider has sent other webhooks twice.
    before = running.query(duplicates)
    running.handle((payment, authorise("tok_twice")))
    await in_state(running, payment, "authorised")
    await eventually_async(lambda: running.query(duplicates) != before)
    assert running.ledger(payment) == {"customer": -AMOUNT, "authorised": AMOUNT}
    assert running.announced(f"payment/{payment}") == ["payment_authorised"]


async def test_a_late_authorisation_is_returned(
    running: PaymentsSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decisions, "LATE_AUTHORISATION", 1.0)
    payment = new_message_id()
    running.handle((payment, authorise("tok_late")))
    running.handle((payment, VoidPayment(reason="no answer")))
    await in_state(running, payment, "voided")
    assert running.announced(f"payment/{payment}") == ["payment_voided"]
    await eventually_async(lambda: len(running.announced(f"payment/{payment}")) == 2)
    assert running.announced(f"payment/{payment}")[1] == "late_authorisation_returned"
    assert running.ledger(payment) == {}
    statement = running.books.statement(payment)
    assert statement is not None
    assert statement.state == "voided"


async def test_a_void_that_comes_first_leaves_a_tombstone(running: PaymentsSide) -> None:
    payment = new_message_id()
    running.handle((payment, VoidPayment(reason="early")))
    running.handle((payment, authorise()))
    assert running.announced(f"payment/{payment}") == ["payment_voided", "payment_declined"]
    assert running.query("SELECT 1 FROM provider_request WHERE payment = %s", payment) == []


async def test_a_webhook_waits_for_a_payment_that_a_worker_has_locked(
    running: PaymentsSide,
) -> None:
    locked, free = new_message_id(), new_message_id()
    running.handle((locked, authorise("tok_reordered")))
    with psycopg.connect(running.url) as worker:
        worker.execute("SELECT 1 FROM payment WHERE id = %s FOR UPDATE", (locked,))
        running.handle((free, authorise("tok_reordered")))
        await in_state(running, free, "authorised")
        assert running.state(locked) == "authorising"
    await in_state(running, locked, "authorised")


async def test_an_answer_that_was_lost_is_asked_for(running: PaymentsSide) -> None:
    payment = new_message_id()
    running.handle((payment, authorise()))
    await in_state(running, payment, "authorised")
    # The provider loses the webhook, so that only polling can bring its event.
    running.books.delivered = lambda deliveries: None  # type: ignore[method-assign]
    running.books.due_deliveries = lambda limit: []  # type: ignore[method-assign]
    running.handle((payment, CapturePayment(amount=AMOUNT)))
    await eventually_async(lambda: running.query("SELECT count(*) FROM provider_request") == [(0,)])
    running.query(
        "UPDATE payment SET asked_at = now() - interval '16 s' WHERE id = %s RETURNING 1", payment
    )
    await in_state(running, payment, "captured")


def signed(
    events: list[ProviderEvent], *, secret: str = KEYS.webhook_secret, age: int = 0
) -> tuple[bytes, str]:
    body = msgspec.json.encode(WebhookDelivery(events))
    return body, sign(body, secret, at=int(time.time()) - age)


async def post(
    payments_side: PaymentsSide, body: bytes, header: str
) -> tuple[int, str, dict[str, object]]:
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            payments_side.webhook_url, data=body, headers={"Provider-Signature": header}
        ) as answer,
    ):
        return answer.status, answer.content_type, await answer.json()


@pytest.mark.parametrize(("secret", "age"), [("another secret", 0), (KEYS.webhook_secret, 301)])
async def test_a_bad_signature_is_refused_and_changes_nothing(
    running: PaymentsSide, secret: str, age: int
) -> None:
    payment = new_message_id()
    running.handle((payment, authorise("tok_silent")))
    forged = ProviderEvent(uuid4(), EventType.AUTHORISED, payment, uuid4(), AMOUNT)
    status, content_type, answer = await post(running, *signed([forged], secret=secret, age=age))
    assert (status, content_type) == (401, "application/problem+json")
    assert answer["title"] == "Unauthorized"
    assert running.state(payment) == "authorising"


async def test_an_unknown_signature_is_tried_with_the_newest_secret_and_vault_is_asked_once(
    payments_side: PaymentsSide,
) -> None:
    asked = [keys_of({"api_key": KEYS.api_key, "webhook_secret": "that of yesterday"})]
    asked.append(asked[0].having(KeyKind.WEBHOOK_SECRET, HeldKey(KEYS.webhook_secret)))
    left = iter(asked)
    keys = ProviderKeys(lambda: next(left))
    await eventually_async(lambda: time.monotonic() > keys.read_at + READ_EVERY)
    stray = ProviderEvent(uuid4(), EventType.AUTHORISED, uuid4(), uuid4(), AMOUNT)
    async with payments_side.gateway(keys=keys):
        assert (await post(payments_side, *signed([stray])))[0] == 200
        for guess in ("that of yesterday", "another"):
            assert (await post(payments_side, *signed([stray], secret=guess)))[0] == 401
        assert (await post(payments_side, *signed([stray])))[0] == 200


async def test_a_signed_body_that_is_no_delivery_is_refused(running: PaymentsSide) -> None:
    body = b'{"events": 7}'
    header = sign(body, KEYS.webhook_secret, at=int(time.time()))
    status, content_type, answer = await post(running, body, header)
    assert (status, content_type) == (400, "application/problem+json")
    assert "events" in str(answer["detail"])


async def test_a_replayed_webhook_changes_nothing(running: PaymentsSide) -> None:
    payment = new_message_id()
    running.handle((payment, authorise()))
    await in_state(running, payment, "authorised")
    statement = running.books.statement(payment)
    assert statement is not None
    for _ in range(3):
        recorded = signed(statement.events)
        assert (await post(running, *recorded))[0] == 200
    assert running.ledger(payment) == {"customer": -AMOUNT, "authorised": AMOUNT}
    assert running.announced(f"payment/{payment}") == ["payment_authorised"]


async def test_an_event_about_a_payment_that_is_not_ours_is_taken_and_ignored(
    running: PaymentsSide,
) -> None:
    stray = ProviderEvent(uuid4(), EventType.AUTHORISED, uuid4(), uuid4(), AMOUNT)
    status, _, _ = await post(running, *signed([stray]))
    assert status == 200
    assert running.ledger(stray.payment) == {}


LETTERS = (
    "SELECT body, reason, detail FROM dead_letter WHERE strpos(encode(body, 'escape'), %s) > 0"
)


async def test_an_event_that_cannot_be_stored_is_filed_and_its_neighbours_take_effect(
    running: PaymentsSide,
) -> None:
    bad, good = new_message_id(), new_message_id()
    running.handle((bad, authorise("tok_silent")), (good, authorise("tok_silent")))
    delivery = signed(
        [
            ProviderEvent(uuid4(), EventType.DECLINED, bad, uuid4(), AMOUNT, reason="a\0b"),
            ProviderEvent(uuid4(), EventType.AUTHORISED, good, uuid4(), AMOUNT),
        ]
    )

    for _ in range(2):  # the second time one is known as applied, the other as filed
        assert (await post(running, *delivery))[0] == 200

    assert running.ledger(good) == {"customer": -AMOUNT, "authorised": AMOUNT}
    assert running.state(bad) == "authorising"
    [(_, reason, _)] = running.query(LETTERS, str(bad))
    assert reason == "permanent"


async def test_an_operation_that_the_provider_refuses_is_filed_and_those_behind_it_are_sent(
    payments_side: PaymentsSide,
) -> None:
    bad, good = new_message_id(), new_message_id()
    payments_side.handle((bad, authorise()), (good, authorise()))
    payments_side.query(
        "UPDATE provider_request SET amount = -1 WHERE payment = %s RETURNING 1", bad
    )

    async with payments_side.gateway(), payments_side.provider():
        await in_state(payments_side, good, "authorised")

    [(_, reason, detail)] = payments_side.query(LETTERS, str(bad))
    assert (reason, "An amount is negative" in detail) == ("permanent", True)
    assert payments_side.query("SELECT 1 FROM provider_request WHERE payment = %s", bad) == []
    assert payments_side.state(bad) == "authorising"


def mend(side: PaymentsSide, payment: UUID, content: ProviderEvent | Operation) -> None:
    """Replace the dead letter about a payment by what would have been accepted."""
    side.query(
        "UPDATE dead_letter SET body = %s "
        "WHERE replayed_at IS NULL AND strpos(encode(body, 'escape'), %s) > 0 RETURNING 1",
        msgspec.json.encode(content),
        str(payment),
    )


def replay(side: PaymentsSide, payment: UUID) -> tuple[str, str] | None:
    """Send the dead letter about a payment again, as its service and the command line do."""
    [(letter,)] = side.query(
        "SELECT id FROM dead_letter "
        "WHERE replayed_at IS NULL AND strpos(encode(body, 'escape'), %s) > 0",
        str(payment),
    )
    with psycopg.connect(side.url) as connection:
        work = UnitOfWork(connection, source="payments")
        sent = send_again(work, letter=letter, replays=0, queue="payments.inbox", ways=SERVICE.ways)
        flush(work)
    return sent


async def test_an_event_that_was_filed_is_applied_by_its_replay_or_filed_again(
    running: PaymentsSide,
) -> None:
    payment = new_message_id()
    running.handle((payment, authorise("tok_silent")))
    bad = ProviderEvent(uuid4(), EventType.DECLINED, payment, uuid4(), AMOUNT, reason="a\0b")
    body = msgspec.json.encode(WebhookDelivery([bad]))
    header = sign(body, KEYS.webhook_secret, at=int(time.time()))
    assert (await post(running, body, header))[0] == 200

    assert replay(running, payment) == (HEARD, "")  # its cause is still there
    assert running.state(payment) == "authorising"
    mend(running, payment, msgspec.structs.replace(bad, reason="no funds"))
    assert replay(running, payment) == (HEARD, "")

    assert running.state(payment) == "declined"
    assert running.query("SELECT 1 FROM outbox WHERE destination <> ''") == []
    assert running.query(f"{LETTERS} AND replayed_at IS NULL", str(payment)) == []


async def test_an_operation_that_was_refused_is_asked_for_again_by_its_replay(
    payments_side: PaymentsSide,
) -> None:
    payment = new_message_id()
    payments_side.handle((payment, authorise()))
    change = "UPDATE provider_request SET amount = -1 WHERE payment = %s RETURNING 1"
    payments_side.query(change, payment)
    async with payments_side.gateway(), payments_side.provider():
        [(body, _, _)] = await eventually_async(lambda: payments_side.query(LETTERS, str(payment)))
        operation = msgspec.json.decode(bytes(body), type=Operation)
        mend(payments_side, payment, msgspec.structs.replace(operation, amount=AMOUNT))

        assert replay(payments_side, payment) == (ASKED, "")

        await in_state(payments_side, payment, "authorised")


async def test_a_payment_that_cannot_be_reconciled_keeps_no_other_waiting() -> None:
    bad, good = uuid4(), uuid4()
    event = ProviderEvent(uuid4(), EventType.AUTHORISED, good, uuid4(), AMOUNT)
    applied: list[ProviderEvent] = []

    async def overdue(_: object) -> list[UUID]:
        return [bad, good]

    async def events(payment: UUID) -> list[ProviderEvent]:
        if payment == bad:
            raise ProviderRefused("an answer that is not in the contract")
        return [event]

    async def apply(told: list[ProviderEvent]) -> None:
        applied.extend(told)

    reconciliation = Reconciliation(Mock(run=overdue), Mock(events=events), Mock(apply=apply))

    assert await reconciliation.reconcile() == 2
    assert applied == [event]


async def test_a_key_that_is_not_utf_8_is_a_wrong_key(running: PaymentsSide) -> None:
    async with aiohttp.ClientSession() as session:
        headers = {"Authorization": "Bearer \udcff"}
        async with session.get(f"{running.provider_url}/v1/books", headers=headers) as answer:
            assert answer.status == 401
