"""The provider's webhooks: repeated, out of order, late and forged."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import msgspec

from cluster.messaging.envelope import new_message_id
from cluster.messaging.queries import counters
from cluster.messaging.work import UnitOfWork
from cluster.payments.contract import AuthorisePayment, VoidPayment
from cluster.payments.domain.payment import hear
from cluster.payments.gateway.events import apply_events
from cluster.payments.provider_api import (
    SIGNATURE_HEADER,
    EventType,
    ProviderEvent,
    WebhookDelivery,
)
from cluster.payments.queries import is_known, provider_events
from cluster.payments.signature import TOLERANCE, BadSignature, sign, verify
from cluster.storefront.checkout_intake import CheckoutOrder
from cluster.storefront.transactions import run_in_transaction
from config import environment
from portfolio.demos.books import await_facts, balanced, facts, lines, payment_rows
from portfolio.demos.caller import Answer, Caller
from portfolio.demos.controls import Choice, Values
from portfolio.demos.demo import Visit, demo
from portfolio.demos.queries import read, table
from portfolio.demos.result import Check, Result, Side, Table, check, figure
from portfolio.demos.sagas import USUAL, begin
from portfolio.demos.waiting import ends_of

AMOUNT: Final = 100  # pence
FACTS_EACH: Final = 2  # authorised, then captured or voided
GUESSED: Final = "whsec_guessed"  # what a forger may try; the site does not know the real secret
LATE_WITHIN: Final = 20.0  # seconds; the provider takes nine

REPEATED: Final = "webhooks_deduplicated"  # the counter

BODY: Final = b'{"events": []}'


def signature_table() -> Table:
    """Return each case with the verdict of `cluster.payments.signature.verify`.

    The site does not have the provider's secret, so that it cannot send a genuine webhook again.
    This calls the gateway's own function, with a secret made for the run.
    """
    caption = "What the same check says when the secret is right (one made for this run)"
    return table("", caption, ("webhook", "verdict"), _cases())


def _cases() -> Iterator[tuple[str, str]]:
    secret, now = secrets.token_urlsafe(24), int(time.time())
    genuine = sign(BODY, secret, at=now)
    old = sign(BODY, secret, at=now - TOLERANCE - 1)
    changed = BODY.replace(b"[]", b"[0]")
    yield "as it was sent", _verdict(genuine, BODY, secret, now)
    yield "recorded, and sent again later", _verdict(old, BODY, secret, now)
    yield "with another body", _verdict(genuine, changed, secret, now)
    both = f"{genuine},v1={'0' * 64}"
    yield "signed with two secrets, as while one is changed", _verdict(both, BODY, secret, now)


def _verdict(header: str, body: bytes, secret: str, now: float) -> str:
    try:
        verify(header, body, secret, now=now)
    except BadSignature as error:
        return f"refused: {error}"
    return "believed"


def run(visit: Visit, values: Values) -> Result:
    """Have the provider repeat, reorder and delay webhooks, then send forged ones."""
    before = _repeated()
    late = [_order(visit, "tok_late")] if values["late"] == "yes" else []
    bought = begin([_order(visit, "tok_twice"), *late])
    overtaken = _authorise_and_void()
    ends_of(bought[:1])
    if late:
        ends_of(bought, within=LATE_WITHIN)
    payments = [*bought, overtaken]
    for payment in payments:
        await_facts(payment, FACTS_EACH)
    honest = Side(
        title="The provider, misbehaving",
        sentence="The first payment’s webhooks came twice each. The last one was authorised and "
        "voided, and the news of the authorisation came after that of the void.",
        figures=(figure("Webhooks known already, of all visitors", _repeated() - before),),
        tables=(
            table(
                "payments",
                "As they came",
                ("payment", "event", "at (UTC)"),
                read("payments", provider_events, payments),
            ),
            payment_rows(payments),
            lines(payments),
        ),
    )
    forged, checks = _forge(bought[0])
    return Result(
        headline="Each fact was entered once, in whatever order it came; "
        f"{len(forged.exchanges)} forged webhooks changed nothing.",
        sides=(honest, forged),
        checks=(*_checks(bought[0], overtaken), balanced(payments), *checks),
        correlations=(bought[0], overtaken, *bought[1:]),
    )


def _order(visit: Visit, card: str) -> CheckoutOrder:
    return CheckoutOrder(visitor=visit.visitor, sku=USUAL, card=card)


def _authorise_and_void() -> UUID:
    """Authorise a payment without a checkout and void it at once, and return its id.

    The answer to the void overtakes the other.
    """
    payment = new_message_id()

    def ask(work: UnitOfWork) -> None:
        # No visitor's name: an erasure finds names by checkouts, and this payment has none.
        wanted = AuthorisePayment(visitor="a demo", amount=AMOUNT, card="tok_reordered")
        for command in (wanted, VoidPayment(reason="asked for by the demo of webhooks")):
            work.send(command, subject_id=payment, correlation=payment)

    run_in_transaction(ask)
    return payment


def _repeated() -> int:
    return read("payments", counters)[REPEATED]


def _forge(payment: UUID) -> tuple[Side, list[Check]]:
    """Try to have a paid payment refunded by webhooks that the provider never sent."""
    before = facts(payment)
    gateway = urlsplit(environment.setting("PAYMENTS_WEBHOOK_URL"))
    origin = f"{gateway.scheme}://{gateway.netloc}"
    call = Caller(origin, {})
    event = ProviderEvent(uuid4(), EventType.REFUNDED, payment, uuid4(), AMOUNT)
    body = msgspec.to_builtins(WebhookDelivery([event]))
    answers = [_post(call, gateway.path, body, *forgery) for forgery in _forgeries(body)]
    side = Side(
        title="Somebody else, forging",
        sentence="Requests to the address at which the provider reports: each says that the first "
        "payment was refunded.",
        exchanges=tuple(
            msgspec.structs.replace(answer.exchange, origin=origin) for answer in answers
        ),
        tables=(signature_table(),),
    )
    refused = sum(answer.status == HTTPStatus.UNAUTHORIZED for answer in answers)
    known = read("payments", is_known, event.id)
    return side, [
        check(
            "no forged webhook is taken",
            holds=refused == len(answers) and not known,
            sentence=f"{refused} of {len(answers)} were refused with 401; their event is "
            f"{'on' if known else 'not on'} record.",
        ),
        check(
            "forged webhooks move no money",
            holds=facts(payment) == before,
            sentence=f"The payment has the {len(before)} facts that it had.",
        ),
    ]


def _forgeries(body: Any) -> Iterator[tuple[str, str]]:
    # Signed in the form in which it is sent: only the signature is wrong.
    encoded, now = json.dumps(body).encode(), int(time.time())
    yield "", "It carries no signature."
    yield f"t={now},v1=", "The signature is empty."
    yield sign(encoded, GUESSED, at=now), "It is signed with a guessed secret."
    yield (
        sign(encoded, GUESSED, at=now - 2 * TOLERANCE),
        f"Signed with a guessed secret, {2 * TOLERANCE} s ago.",
    )


def _post(call: Caller, path: str, body: Any, header: str, note: str) -> Answer:
    headers = {SIGNATURE_HEADER: header} if header else {}
    return call("POST", path, body=body, headers=headers, note=note)


def _checks(twice: UUID, overtaken: UUID) -> Iterator[Check]:
    entered = [fact.name for fact in facts(twice)]
    yield check(
        "a repeated webhook is entered once",
        holds=entered == ["authorised", "captured"],
        sentence=f"The ledger has {len(entered)} facts of it: {', '.join(entered)}.",
    )
    came = [event.type for event in read("payments", provider_events, [overtaken])]
    entered = [fact.name for fact in facts(overtaken)]
    yield check(
        "an overtaken webhook counts all the same",
        holds=entered == ["authorised", "voided"],
        sentence=f"They came as {', then '.join(came)}; entered are {', '.join(entered)}.",
    )


DEMO: Final = demo(
    "webhooks",
    controls=(
        Choice(
            "late",
            "And one that is late",
            (("no", "no"), ("yes", "yes: authorised after its checkout gave up (10 s)")),
        ),
    ),
    run=run,
    code=(apply_events, hear),
    seconds=14,
)
