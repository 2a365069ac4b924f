"""The contract of payments: the payment of a checkout, and the money of a refund."""

from __future__ import annotations

from uuid import UUID

from cluster.messaging.contract import Payload, command, event


@command("payments.authorise_payment.v1", aggregate="payment")
class AuthorisePayment(Payload, frozen=True):
    """Ask the provider to set `amount` pence of the card aside."""

    visitor: str
    amount: int
    card: str


@command("payments.void_payment.v1", aggregate="payment")
class VoidPayment(Payload, frozen=True):
    """Compensation of AuthorisePayment: nothing may stay authorised."""

    reason: str


@command("payments.capture_payment.v1", aggregate="payment")
class CapturePayment(Payload, frozen=True):
    amount: int


@command("payments.refund_payment.v1", aggregate="payment")
class RefundPayment(Payload, frozen=True):
    """Compensation of CapturePayment: nothing may stay captured."""

    reason: str


@event("payments.payment_authorised.v1", aggregate="payment")
class PaymentAuthorised(Payload, frozen=True):
    amount: int


@event("payments.payment_declined.v1", aggregate="payment")
class PaymentDeclined(Payload, frozen=True):
    reason: str


@event("payments.payment_voided.v1", aggregate="payment")
class PaymentVoided(Payload, frozen=True):
    amount: int


@event("payments.payment_captured.v1", aggregate="payment")
class PaymentCaptured(Payload, frozen=True):
    amount: int


@event("payments.capture_refused.v1", aggregate="payment")
class CaptureRefused(Payload, frozen=True):
    reason: str


@event("payments.payment_refunded.v1", aggregate="payment")
class PaymentRefunded(Payload, frozen=True):
    """Nothing is captured any more.

    `amount` is the sum that went back, 0 when nothing had been captured.
    """

    amount: int


@event("payments.late_authorisation_returned.v1", aggregate="payment")
class LateAuthorisationReturned(Payload, frozen=True):
    """The provider authorised after the saga's deadline, and the money went back."""

    amount: int


@event("payments.refund_settled.v1", aggregate="refund")
class RefundSettled(Payload, frozen=True):
    """The provider paid back a captured payment, as the refund saga asked."""

    order: UUID
    visitor: str
    sku: str
    quantity: int
    amount: int


@event("payments.refund_failed.v1", aggregate="refund")
class RefundFailed(Payload, frozen=True):
    order: UUID
    reason: str


@event("payments.visitor_erased.v1", aggregate="erasure")
class PaymentsVisitorErased(Payload, frozen=True):
    """No card of the visitor is kept, and `rows` payments and refunds were the visitor's."""

    attempt: int
    rows: int
