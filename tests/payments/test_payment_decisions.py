"""The decisions of a payment in each case that a reader should know."""

from __future__ import annotations

from uuid import UUID, uuid4

from cluster.messaging.contract import Payload
from cluster.payments.contract import (
    CaptureRefused,
    LateAuthorisationReturned,
    PaymentAuthorised,
    PaymentCaptured,
    PaymentDeclined,
    PaymentRefunded,
    PaymentVoided,
)
from cluster.payments.domain import payment as domain
from cluster.payments.domain.ledger import Account, Entry
from cluster.payments.domain.payment import Decision, Origin, Payment, RefundOutcome
from cluster.payments.provider_api import EventType, Operation, OperationKind, ProviderEvent

ID = UUID(int=7)
AMOUNT = 1000
NEW = Payment(ID, Origin(ID))


class Story:
    """A payment that takes commands and answers in turn, and keeps the last decision."""

    def __init__(self, payment: Payment | None = None) -> None:
        self.payment = payment
        self.last = Decision(NEW)
        self.asked: dict[OperationKind, Operation] = {}

    def authorise(self) -> Story:
        return self._take(domain.authorise(self.payment, new=NEW, amount=AMOUNT, card="tok_ok"))

    def capture(self, amount: int = AMOUNT) -> Story:
        return self._take(domain.capture(self.payment, new=NEW, amount=amount))

    def refund(self) -> Story:
        return self._take(domain.refund(self.payment, new=NEW))

    def void(self) -> Story:
        return self._take(domain.void(self.payment, new=NEW))

    def hears(self, kind: EventType, of: OperationKind) -> Story:
        """Let the provider answer the last operation of a kind."""
        moves_money = kind in ("authorised", "captured", "voided", "refunded")
        event = ProviderEvent(
            uuid4(), kind, ID, self.asked[of].key, AMOUNT if moves_money else 0, "because"
        )
        assert self.payment is not None
        return self._take(domain.hear(self.payment, event))

    def announced(self) -> tuple[Payload, ...]:
        return self.last.announcements

    @property
    def asks(self) -> list[OperationKind]:
        return [operation.kind for operation in self.last.operations]

    def _take(self, decision: Decision) -> Story:
        self.payment, self.last = decision.payment, decision
        self.asked |= {operation.kind: operation for operation in decision.operations}
        return self


AUTHORISE, CAPTURE = OperationKind.AUTHORISE, OperationKind.CAPTURE
VOID, REFUND = OperationKind.VOID, OperationKind.REFUND


def authorised() -> Story:
    return Story().authorise().hears(EventType.AUTHORISED, AUTHORISE)


def captured() -> Story:
    return authorised().capture().hears(EventType.CAPTURED, CAPTURE)


def test_an_authorisation_is_asked_for_and_announced_when_granted() -> None:
    story = Story().authorise()
    assert story.asks == [AUTHORISE]
    assert story.announced() == ()
    story.hears(EventType.AUTHORISED, AUTHORISE)
    assert story.announced() == (PaymentAuthorised(amount=AMOUNT),)


def test_a_decline_is_announced_with_the_providers_reason() -> None:
    story = Story().authorise().hears(EventType.DECLINED, AUTHORISE)
    assert story.announced() == (PaymentDeclined(reason="because"),)


def test_a_silent_authorisation_is_voided_at_the_provider_which_has_nothing_to_void() -> None:
    story = Story().authorise().void()
    assert story.asks == [VOID]
    story.hears(EventType.NOTHING_TO_VOID, VOID)
    assert story.announced() == (PaymentVoided(amount=0),)


def test_a_late_authorisation_is_voided_again_and_its_return_is_announced() -> None:
    story = Story().authorise().void().hears(EventType.NOTHING_TO_VOID, VOID)
    story.hears(EventType.AUTHORISED, AUTHORISE)
    assert story.asks == [VOID]
    assert story.announced() == ()
    assert [entry.account for entry in story.last.entries] == [
        Account.CUSTOMER, Account.AUTHORISED,
    ]  # fmt: skip
    story.hears(EventType.VOIDED, VOID)
    assert story.announced() == (LateAuthorisationReturned(amount=AMOUNT),)


def test_a_void_that_overtook_its_authorisation_leaves_the_ledger_even() -> None:
    story = Story().authorise().void().hears(EventType.VOIDED, VOID)
    assert story.announced() == (PaymentVoided(amount=AMOUNT),)
    story.hears(EventType.AUTHORISED, AUTHORISE)
    assert story.announced() == ()
    assert story.asks == []
    assert story.payment is not None
    assert story.payment.held == 0


def test_a_late_authorisation_whose_news_overtakes_the_voids_answer_is_voided_again() -> None:
    story = Story().authorise().void().hears(EventType.AUTHORISED, AUTHORISE)
    assert story.asks == []
    story.hears(EventType.NOTHING_TO_VOID, VOID)
    assert story.asks == [VOID]
    story.hears(EventType.VOIDED, VOID)
    assert story.announced() == (PaymentVoided(amount=AMOUNT),)


def test_a_provider_that_keeps_contradicting_the_books_is_not_asked_for_ever() -> None:
    story = authorised().void()
    story.hears(EventType.NOTHING_TO_VOID, VOID).hears(EventType.NOTHING_TO_VOID, VOID)
    assert story.asks == []
    assert story.announced() == (PaymentVoided(amount=0),)


def test_a_void_of_an_unknown_payment_leaves_a_tombstone_that_declines() -> None:
    story = Story().void()
    assert story.announced() == (PaymentVoided(amount=0),)
    story.authorise()
    assert story.announced() == (PaymentDeclined(reason="voided before it was authorised"),)
    assert story.asks == []


def test_a_repeated_void_announces_nothing() -> None:
    story = Story().authorise().void().hears(EventType.NOTHING_TO_VOID, VOID).void()
    assert (story.asks, story.announced()) == ([], ())


def test_a_void_of_a_declined_payment_needs_no_provider() -> None:
    story = Story().authorise().hears(EventType.DECLINED, AUTHORISE).void()
    assert (story.asks, story.announced()) == ([], (PaymentVoided(amount=0),))


def test_a_capture_is_announced_when_the_provider_took_the_money() -> None:
    story = captured()
    assert story.announced() == (PaymentCaptured(amount=AMOUNT),)
    assert story.last.entries == (
        Entry(ID, f"captured {story.asked[CAPTURE].key}", Account.AUTHORISED, -AMOUNT),
        Entry(ID, f"captured {story.asked[CAPTURE].key}", Account.MERCHANT, AMOUNT),
    )


def test_a_capture_of_another_amount_than_authorised_is_refused_without_asking() -> None:
    story = authorised().capture(AMOUNT - 1)
    assert story.asks == []
    assert story.announced() == (CaptureRefused(reason="1000 pence are authorised, not 999"),)


def test_a_refund_during_a_capture_is_asked_for_behind_it() -> None:
    story = authorised().capture().refund()
    assert (story.asks, story.announced()) == ([], ())
    story.hears(EventType.CAPTURED, CAPTURE)
    assert (story.asks, story.announced()) == ([REFUND], ())
    story.hears(EventType.REFUNDED, REFUND)
    assert story.announced() == (PaymentRefunded(amount=AMOUNT),)


def test_refund_and_void_at_once_are_both_answered() -> None:
    story = authorised().capture().refund().void()
    story.hears(EventType.CAPTURE_REFUSED, CAPTURE)
    assert (story.asks, story.announced()) == ([VOID], (PaymentRefunded(amount=0),))
    story.hears(EventType.VOIDED, VOID)
    assert story.announced() == (PaymentVoided(amount=AMOUNT),)


def test_the_refund_saga_gets_its_money_once() -> None:
    payment = captured().payment
    assert payment is not None
    first, second = uuid4(), uuid4()
    asked = domain.pay_back(payment, refund_id=first, amount=AMOUNT)
    busy = domain.pay_back(asked.payment, refund_id=second, amount=AMOUNT)
    assert busy.refund == RefundOutcome(second, "another operation on this payment is under way")
    event = ProviderEvent(uuid4(), EventType.REFUNDED, ID, asked.operations[0].key, AMOUNT)
    paid = domain.hear(busy.payment, event)
    assert paid.refund == RefundOutcome(first)
    assert paid.announcements == ()
    again = domain.pay_back(paid.payment, refund_id=second, amount=AMOUNT)
    assert again.refund == RefundOutcome(second, "nothing is captured")


def test_a_refund_that_the_provider_refuses_leaves_the_payment_captured() -> None:
    payment = captured().payment
    assert payment is not None
    refund = uuid4()
    asked = domain.pay_back(payment, refund_id=refund, amount=AMOUNT)
    refusal = ProviderEvent(
        uuid4(), EventType.NOTHING_TO_REFUND, ID, asked.operations[0].key, 0, "too old"
    )
    refused = domain.hear(asked.payment, refusal)
    assert refused.refund == RefundOutcome(refund, "too old")
    assert refused.payment.state == "captured"
