"""The handlers of payments, by which commands and the refund saga move payments in batches.

All decisions are the domain's. Here payments are loaded and stored, and operations for the provider
become rows that the gateway sends. No handler talks to the provider. In an erasure the ledger stays
as it is: it holds payments and amounts, not people. The provider itself is responsible for its own
data of customers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import msgspec

from cluster.identity.contract import ERASED_CARD, ErasureRequested
from cluster.messaging.contract import Payload
from cluster.messaging.envelope import Message
from cluster.messaging.replays import Ways
from cluster.messaging.work import Handler, TransientError, UnitOfWork, ignore
from cluster.orders.contract import (
    RefundAbandoned,
    RefundCompleted,
    RefundRefused,
    RefundRequested,
)
from cluster.payments import repository
from cluster.payments.contract import (
    AuthorisePayment,
    CapturePayment,
    PaymentsVisitorErased,
    RefundPayment,
    VoidPayment,
)
from cluster.payments.domain import payment as domain
from cluster.payments.domain.payment import Decision, Origin, Payment, RefundOutcome
from cluster.payments.gateway.events import apply_events
from cluster.payments.provider_api import ASKED, HEARD, Operation, ProviderEvent
from config import retention

# The time for which a repeated webhook is recognised. Its signature is refused after five minutes,
# and the domain applies a fact once in any case.
FORGET_EVENTS: Final = """
    DELETE FROM provider_event WHERE id IN (
        SELECT id FROM provider_event WHERE received_at < %s ORDER BY received_at LIMIT %s)
"""
EVENTS_KEPT: Final = retention.PROVIDER_EVENTS
EVENTS_FORGOTTEN_AT_ONCE: Final = 10_000  # rows a transaction, so that none lasts long

Decide = Callable[[Payment | None, Payment, Any], Decision]

# Locked in the order of their ids, like everywhere. A payment has the id of its checkout. Only the
# request to authorise needs the card, and it carries its own copy.
FORGET_CARDS: Final = """
    WITH carded AS (
        SELECT id FROM payment WHERE id = ANY(%(checkouts)s) AND card <> %(card)s
         ORDER BY id FOR UPDATE
    )
    UPDATE payment SET card = %(card)s FROM carded WHERE payment.id = carded.id
"""
RENAME_REFUNDS: Final = """
    UPDATE refund SET visitor = %(pseudonym)s
     WHERE order_id = ANY(%(checkouts)s) AND visitor <> %(pseudonym)s
"""
STANDING: Final = """
    SELECT (SELECT count(*) FROM payment WHERE id = ANY(%(checkouts)s))
         + (SELECT count(*) FROM refund WHERE order_id = ANY(%(checkouts)s)),
           EXISTS (SELECT FROM provider_request WHERE payment = ANY(%(checkouts)s))
"""


def authorise_payments(work: UnitOfWork, messages: Sequence[Message[AuthorisePayment]], /) -> None:
    """Ask the provider for each authorisation, and decline one that was voided before."""
    _decide_each(work, messages, _authorise)


def capture_payments(work: UnitOfWork, messages: Sequence[Message[CapturePayment]], /) -> None:
    _decide_each(
        work, messages, lambda p, new, data: domain.capture(p, new=new, amount=data.amount)
    )


def refund_payments(work: UnitOfWork, messages: Sequence[Message[RefundPayment]], /) -> None:
    """Compensate captures, so that nothing stays captured."""
    _decide_each(work, messages, lambda p, new, _: domain.refund(p, new=new))


def void_payments(work: UnitOfWork, messages: Sequence[Message[VoidPayment]], /) -> None:
    """Compensate authorisations, so that nothing stays authorised."""
    _decide_each(work, messages, lambda p, new, _: domain.void(p, new=new))


def pay_refunds_back(work: UnitOfWork, messages: Sequence[Message[RefundRequested]], /) -> None:
    """Refund captured payments for refund sagas, and announce failure for the others."""
    new = repository.record_refunds(work, messages)
    payments = repository.load_payments(work, {message.payload.order for message in messages})
    decisions, refused = [], []
    for message in messages:
        payment = payments.get(message.payload.order)
        if message.subject_id not in new:
            continue
        if payment is None:
            refused.append(RefundOutcome(message.subject_id, "no payment was made for this order"))
            continue
        decision = domain.pay_back(
            payment, refund_id=message.subject_id, amount=message.payload.amount
        )
        payments[payment.id] = decision.payment
        decisions.append(decision)
    repository.save_decisions(work, decisions)
    repository.end_refunds(work, refused)


def hear_again(work: UnitOfWork, body: bytes) -> None:
    """Apply an event of the provider that is a dead letter.

    Raises TransientError while its payment is locked.
    """
    if apply_events(work, [msgspec.json.decode(body, type=ProviderEvent)]):
        raise TransientError("its payment is locked")


def ask_again(work: UnitOfWork, body: bytes) -> None:
    """Ask the provider once more for an operation that it refused, under the same key."""
    repository.ask(work, [msgspec.json.decode(body, type=Operation)])


def forget_provider_events(work: UnitOfWork) -> None:
    """Delete the ids of provider events that the provider will not deliver again."""
    work.cursor.execute(
        FORGET_EVENTS,
        (work.now - EVENTS_KEPT, EVENTS_FORGOTTEN_AT_ONCE),
    )


HANDLERS: Final[Mapping[type[Payload], Handler]] = MappingProxyType(
    {
        AuthorisePayment: authorise_payments,
        CapturePayment: capture_payments,
        RefundPayment: refund_payments,
        VoidPayment: void_payments,
        RefundRequested: pay_refunds_back,
        # The rest of the refund's stream, consumed for its sequence only.
        RefundRefused: ignore,
        RefundCompleted: ignore,
        RefundAbandoned: ignore,
    }
)

WAYS: Final[Ways] = MappingProxyType({HEARD: hear_again, ASKED: ask_again})


def _decide_each(work: UnitOfWork, messages: Sequence[Message[Any]], decide: Decide) -> None:
    payments = repository.load_payments(work, [message.subject_id for message in messages])
    decisions = []
    for message in messages:
        origin = Origin(message.correlation, message.id, message.envelope.traceparent)
        new = Payment(id=message.subject_id, origin=origin)
        decisions.append(decide(payments.get(message.subject_id), new, message.payload))
    repository.save_decisions(work, decisions)


def _authorise(payment: Payment | None, new: Payment, data: AuthorisePayment) -> Decision:
    return domain.authorise(payment, new=new, amount=data.amount, card=data.card)


def erase_visitors(work: UnitOfWork, messages: Sequence[Message[ErasureRequested]], /) -> None:
    """Forget the cards, rename the refunds, and answer unless a request to the provider waits.

    A request that the provider has not confirmed carries the card. It is deleted once sent.
    """
    for message in messages:
        asked = message.payload
        names = {
            "checkouts": list(asked.checkouts),
            "pseudonym": asked.pseudonym,
            "card": ERASED_CARD,
        }
        work.cursor.execute(FORGET_CARDS, names)
        work.cursor.execute(RENAME_REFUNDS, names)
        rows, unsent = work.cursor.execute(STANDING, names).fetchone() or (0, False)
        if not unsent:
            work.reply(message, PaymentsVisitorErased(attempt=asked.attempt, rows=rows))
