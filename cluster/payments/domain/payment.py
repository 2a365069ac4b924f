"""The payment: the saga's target for it, the provider's facts about it, and its next step.

Commands move the target, a `Wish`, down a list that never goes back up. Provider events are
*facts*: they are entered in the ledger whatever the target is. `_settle` compares the two. While an
answer is due it waits. When the facts differ from the target it asks the provider. When they agree
it sends the replies that are owed. So commands and facts may interleave in any order, and the end
is the same.

At most one capture, void or refund is in flight at a time, and each is answered exactly once. An
authorisation may never be answered, so only its own reply waits for one.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID, uuid5

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
from cluster.payments.domain.ledger import Entry, entries
from cluster.payments.provider_api import EventType, Operation, OperationKind, ProviderEvent

VOIDED_FIRST: Final = "voided before it was authorised"
# An answer can contradict the books once, when it overtakes the fact of a late authorisation. A
# second contradiction is the provider's fault: `cluster verify` then shows it.
MOST_CONTRADICTIONS: Final = 1


class Wish(enum.IntFlag):
    """The saga's target for the payment, in the only order in which the saga may change it."""

    AUTHORISED = 1
    CAPTURED = 2
    UNCAPTURED = 4  # nothing may stay captured
    NOTHING = 8  # nothing may stay captured or set aside


NO_WISH: Final = Wish(0)


class Authorisation(enum.StrEnum):
    """The state of the authorisation, as far as it is known."""

    NONE = "none"  # never asked for
    ASKED = "asked"  # asked for, not answered
    ABANDONED = "abandoned"  # not granted when it was voided; may still be granted late
    GRANTED = "granted"
    DECLINED = "declined"


@dataclass(frozen=True, slots=True)
class Origin:
    """The message that announcements answer, carried along and not interpreted."""

    correlation: UUID
    message: UUID | None = None
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Payment:
    """One payment.

    `authorised`, `captured`, `voided` and `refunded` add up the provider's facts (pence). `owed`
    holds the targets whose reply is due.
    """

    id: UUID
    origin: Origin
    amount: int = 0
    card: str = ""
    wish: Wish = Wish.AUTHORISED
    owed: Wish = NO_WISH
    authorisation: Authorisation = Authorisation.NONE
    reason: str = ""
    awaiting: UUID | None = None  # the operation that is in flight
    awaiting_kind: OperationKind | None = None
    refund: UUID | None = None  # the refund saga that is in flight
    authorised: int = 0
    captured: int = 0
    voided: int = 0
    refunded: int = 0
    contradictions: int = 0
    operations: int = 0
    version: int = 0

    @property
    def held(self) -> int:
        """The pence set aside, negative while a `voided` has overtaken its `authorised`."""
        return self.authorised - self.captured - self.voided

    @property
    def taken(self) -> int:
        return self.captured - self.refunded

    @property
    def state(self) -> str:
        """One word for people and checkers, on which no decision depends."""
        match self.awaiting_kind:
            case OperationKind.CAPTURE:
                return "capturing"
            case OperationKind.REFUND:
                return "refunding"
            case OperationKind.VOID:
                return "voiding" if self.owed & Wish.NOTHING else "returning"
        if self.wish is Wish.NOTHING:
            return "voided"
        if self.wish is Wish.UNCAPTURED:
            return "refunded"
        if self.wish is Wish.CAPTURED:
            if self.taken > 0:
                return "captured"
            return "refunded" if self.refunded else "capture_refused"
        return _AUTHORISATION_STATES[self.authorisation]


_AUTHORISATION_STATES: Final = {
    Authorisation.NONE: "declined",
    Authorisation.ASKED: "authorising",
    Authorisation.ABANDONED: "voided",
    Authorisation.GRANTED: "authorised",
    Authorisation.DECLINED: "declined",
}


@dataclass(frozen=True, slots=True)
class RefundOutcome:
    """The end of the refund saga's request, whose `refusal` is empty when the money went back."""

    refund: UUID
    refusal: str = ""


@dataclass(slots=True)
class Decision:
    """The result of one command or fact: the payment to store, and its effects.

    The functions below make it step by step, each from the payment as it was.
    """

    payment: Payment
    operations: tuple[Operation, ...] = ()
    announcements: tuple[Payload, ...] = ()
    entries: tuple[Entry, ...] = ()
    refund: RefundOutcome | None = None

    def set(self, **changes: Any) -> None:
        self.payment = replace(self.payment, **changes)

    def ask(self, kind: OperationKind, amount: int) -> None:
        """Send an operation, with a key that follows from the payment.

        So the same operation gets the same key when it is decided again.
        """
        payment = self.payment
        key = uuid5(payment.id, f"{payment.operations + 1} {kind}")
        self.operations += (Operation(key, payment.id, kind, amount, payment.card),)
        self.set(operations=payment.operations + 1)
        if kind is not OperationKind.AUTHORISE:
            self.set(awaiting=key, awaiting_kind=kind)

    def announce(self, announcement: Payload) -> None:
        self.announcements += (announcement,)
        self.set(version=self.payment.version + 1)


def authorise(payment: Payment | None, *, new: Payment, amount: int, card: str) -> Decision:
    """Ask the provider to authorise, unless a compensation came first (a tombstone)."""
    decision = Decision(payment or new)
    current = decision.payment
    if current.authorisation is not Authorisation.NONE:
        return decision
    decision.set(amount=amount, card=card, origin=new.origin)
    if current.wish is not Wish.AUTHORISED:
        decision.set(authorisation=Authorisation.DECLINED, reason=VOIDED_FIRST)
        decision.announce(PaymentDeclined(reason=VOIDED_FIRST))
        return decision
    decision.set(authorisation=Authorisation.ASKED, owed=Wish.AUTHORISED)
    decision.ask(OperationKind.AUTHORISE, amount)
    return decision


def capture(payment: Payment | None, *, new: Payment, amount: int) -> Decision:
    """Capture the whole authorisation, or refuse at once when another amount is authorised."""
    decision = Decision(payment or new)
    current = decision.payment
    if current.wish is Wish.CAPTURED:
        return decision
    if current.wish > Wish.CAPTURED:
        decision.announce(CaptureRefused(reason="given back before it was captured"))
        return decision
    decision.set(wish=Wish.CAPTURED, owed=Wish.CAPTURED, origin=new.origin)
    if current.held != amount:
        decision.set(reason=f"{current.held} pence are authorised, not {amount}")
    else:
        decision.ask(OperationKind.CAPTURE, amount)
    return _settle(decision)


def refund(payment: Payment | None, *, new: Payment) -> Decision:
    """Refund everything that was or will be captured, as the compensation of a capture."""
    decision = Decision(payment or new)
    if decision.payment.wish >= Wish.UNCAPTURED:
        return decision
    decision.set(wish=Wish.UNCAPTURED, owed=Wish.UNCAPTURED, origin=new.origin)
    return _settle(decision)


def void(payment: Payment | None, *, new: Payment) -> Decision:
    """Void and refund everything, as the compensation of an authorisation."""
    decision = Decision(payment or new)
    current = decision.payment
    if current.wish is Wish.NOTHING:
        return decision
    owed = (current.owed & Wish.UNCAPTURED) | Wish.NOTHING
    decision.set(wish=Wish.NOTHING, owed=owed, origin=new.origin)
    return _settle(decision)


def pay_back(payment: Payment, *, refund_id: UUID, amount: int) -> Decision:
    """Refund the payment of a completed checkout, as the refund saga asks."""
    decision = Decision(payment)
    if payment.refund is not None or payment.awaiting is not None:
        decision.refund = RefundOutcome(refund_id, "another operation on this payment is under way")
    elif payment.wish is not Wish.CAPTURED or payment.taken <= 0:
        decision.refund = RefundOutcome(refund_id, "nothing is captured")
    elif payment.taken != amount:
        decision.refund = RefundOutcome(
            refund_id, f"{payment.taken} pence are captured, not {amount}"
        )
    else:
        decision.set(refund=refund_id)
        decision.ask(OperationKind.REFUND, amount)
    return decision


def hear(payment: Payment, event: ProviderEvent) -> Decision:
    """Apply a provider event, where one that was applied before changes nothing."""
    decision = Decision(payment)
    match event.type:
        case EventType.AUTHORISED:
            if payment.authorised:
                return decision
            decision.set(authorisation=Authorisation.GRANTED, authorised=event.amount)
        case EventType.DECLINED:
            if payment.authorisation not in (Authorisation.ASKED, Authorisation.ABANDONED):
                return decision
            decision.set(authorisation=Authorisation.DECLINED, reason=event.reason)
        case _:
            if event.operation != payment.awaiting:
                return decision
            decision.set(awaiting=None, awaiting_kind=None)
            _answered(decision, event)
    decision.entries = entries(
        event.type, payment=payment.id, operation=event.operation, amount=event.amount
    )
    return _settle(decision)


def _answered(decision: Decision, event: ProviderEvent) -> None:
    """Apply the answer to the operation that was in flight."""
    payment = decision.payment
    match event.type:
        case EventType.CAPTURED:
            decision.set(captured=payment.captured + event.amount)
        case EventType.CAPTURE_REFUSED:
            decision.set(reason=event.reason)
        case EventType.VOIDED:
            # It also proves that the authorisation was granted, even if that fact is still in
            # flight.
            decision.set(voided=payment.voided + event.amount, authorisation=Authorisation.GRANTED)
            if not payment.owed & Wish.NOTHING:
                decision.announce(LateAuthorisationReturned(amount=event.amount))
        case EventType.NOTHING_TO_VOID:
            if payment.authorisation is Authorisation.ASKED:
                decision.set(authorisation=Authorisation.ABANDONED)
            elif payment.held > 0:
                decision.set(contradictions=payment.contradictions + 1)
        case EventType.REFUNDED | EventType.NOTHING_TO_REFUND:
            _refund_answered(decision, event)


def _refund_answered(decision: Decision, event: ProviderEvent) -> None:
    """Apply the answer to a refund: money went back, or there was none.

    The refund was for a compensation, or for the refund saga.
    """
    payment = decision.payment
    paid = event.type is EventType.REFUNDED
    if paid:
        decision.set(refunded=payment.refunded + event.amount, refund=None)
    else:
        decision.set(contradictions=payment.contradictions + 1, refund=None)
    if payment.refund is not None:
        refusal = "" if paid else event.reason or "nothing to refund"
        decision.refund = RefundOutcome(payment.refund, refusal)


def _settle(decision: Decision) -> Decision:
    """Bring facts and target together: wait for an answer, or reply and ask for what is missing."""
    payment = decision.payment
    if payment.awaiting is not None:
        return decision
    missing = _missing(payment)
    for wish, reply in _replies(payment, missing):
        decision.set(owed=decision.payment.owed & ~wish)
        decision.announce(reply)
    if missing is OperationKind.REFUND:
        decision.ask(missing, payment.taken)
    elif missing is OperationKind.VOID:
        decision.ask(missing, payment.amount)
    return decision


def _missing(payment: Payment) -> OperationKind | None:
    """Return the operation that the provider still has to do to reach the target, or None."""
    may_ask = payment.contradictions <= MOST_CONTRADICTIONS
    if payment.wish >= Wish.UNCAPTURED and payment.taken > 0 and may_ask:
        return OperationKind.REFUND
    if payment.wish is Wish.NOTHING:
        unsure = payment.authorisation is Authorisation.ASKED
        if unsure or (payment.held > 0 and may_ask):
            return OperationKind.VOID
    return None


def _replies(payment: Payment, missing: OperationKind | None) -> Iterator[tuple[Wish, Payload]]:
    """Yield the replies that are owed and can be given now."""
    owed = payment.owed
    if owed & Wish.AUTHORISED and payment.authorisation is Authorisation.GRANTED:
        yield Wish.AUTHORISED, PaymentAuthorised(amount=payment.authorised)
    if owed & Wish.AUTHORISED and payment.authorisation is Authorisation.DECLINED:
        yield Wish.AUTHORISED, PaymentDeclined(reason=payment.reason)
    if owed & Wish.CAPTURED and payment.captured:
        yield Wish.CAPTURED, PaymentCaptured(amount=payment.captured)
    if owed & Wish.CAPTURED and not payment.captured:
        yield Wish.CAPTURED, CaptureRefused(reason=payment.reason)
    if owed & Wish.UNCAPTURED and missing is not OperationKind.REFUND:
        yield Wish.UNCAPTURED, PaymentRefunded(amount=payment.refunded)
    if owed & Wish.NOTHING and missing is None:
        yield Wish.NOTHING, PaymentVoided(amount=payment.voided)
