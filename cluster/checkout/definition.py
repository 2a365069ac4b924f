"""The checkout saga: five steps over four services, each with its compensation."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import msgspec

from cluster.catalog.contract import (
    ReleaseStock,
    ReservationExpired,
    ReserveStock,
    StockRefused,
    StockReleased,
    StockReserved,
)
from cluster.checkout.contract import (
    CheckoutCompensated,
    CheckoutCompleted,
    CheckoutTurned,
)
from cluster.identity.contract import (
    HoldLimit,
    HoldReleased,
    LimitHeld,
    LimitRefused,
    ReleaseHold,
)
from cluster.orders.contract import (
    CancelOrder,
    ConfirmOrder,
    OrderCancelled,
    OrderConfirmed,
    OrderRefused,
)
from cluster.payments.contract import (
    AuthorisePayment,
    CapturePayment,
    CaptureRefused,
    LateAuthorisationReturned,
    PaymentAuthorised,
    PaymentCaptured,
    PaymentDeclined,
    PaymentRefunded,
    PaymentVoided,
    RefundPayment,
    VoidPayment,
)
from cluster.sagas.definition import Announcements, Compensation, Saga, Step

# Longer than a server's restart after SIGKILL (the broker: 6 s), and not too long for a visitor.
STEP_DEADLINE: Final = timedelta(seconds=10)
# A provider without an answer for so long counts as silent.
AUTHORISATION_DEADLINE: Final = timedelta(seconds=6)
# The first wait for a compensation; it doubles at each repetition.
COMPENSATION_DEADLINE: Final = timedelta(seconds=5)


class CheckoutContext(msgspec.Struct, frozen=True):
    """The data that the steps need, with the total `amount` in pence.

    `traceparent` is that of the message that began the saga: no step reads it.
    """

    visitor: str
    sku: str
    quantity: int
    amount: int
    card: str
    traceparent: str | None = None


CHECKOUT: Final = Saga(
    name="checkout",
    context=CheckoutContext,
    steps=(
        Step(
            name="hold_limit",
            command=HoldLimit,
            build=lambda checkout: HoldLimit(visitor=checkout.visitor, amount=checkout.amount),
            success=LimitHeld,
            refusals=(LimitRefused,),
            deadline=STEP_DEADLINE,
            compensation=Compensation(
                command=ReleaseHold,
                build=lambda _, reason: ReleaseHold(reason=reason),
                replies=(HoldReleased,),
                deadline=COMPENSATION_DEADLINE,
            ),
        ),
        Step(
            name="reserve_stock",
            command=ReserveStock,
            build=lambda checkout: ReserveStock(sku=checkout.sku, quantity=checkout.quantity),
            success=StockReserved,
            refusals=(StockRefused,),
            deadline=STEP_DEADLINE,
            compensation=Compensation(
                command=ReleaseStock,
                build=lambda _, reason: ReleaseStock(reason=reason),
                # An expired reservation is as good as a released one, and makes the saga
                # compensate.
                replies=(StockReleased, ReservationExpired),
                deadline=COMPENSATION_DEADLINE,
            ),
        ),
        Step(
            name="authorise_payment",
            command=AuthorisePayment,
            build=lambda checkout: AuthorisePayment(
                visitor=checkout.visitor, amount=checkout.amount, card=checkout.card
            ),
            success=PaymentAuthorised,
            refusals=(PaymentDeclined,),
            deadline=AUTHORISATION_DEADLINE,
            compensation=Compensation(
                command=VoidPayment,
                build=lambda _, reason: VoidPayment(reason=reason),
                replies=(PaymentVoided,),
                deadline=COMPENSATION_DEADLINE,
            ),
            # The provider authorised after the void, and payments has returned the money by itself.
            remarks=(LateAuthorisationReturned,),
        ),
        Step(
            name="confirm_order",
            command=ConfirmOrder,
            build=lambda checkout: ConfirmOrder(
                visitor=checkout.visitor,
                sku=checkout.sku,
                quantity=checkout.quantity,
                amount=checkout.amount,
            ),
            success=OrderConfirmed,
            refusals=(OrderRefused,),
            deadline=STEP_DEADLINE,
            compensation=Compensation(
                command=CancelOrder,
                build=lambda _, reason: CancelOrder(reason=reason),
                replies=(OrderCancelled,),
                deadline=COMPENSATION_DEADLINE,
            ),
        ),
        Step(
            name="capture_payment",
            command=CapturePayment,
            build=lambda checkout: CapturePayment(amount=checkout.amount),
            success=PaymentCaptured,
            refusals=(CaptureRefused,),
            deadline=STEP_DEADLINE,
            compensation=Compensation(
                command=RefundPayment,
                build=lambda _, reason: RefundPayment(reason=reason),
                replies=(PaymentRefunded,),
                deadline=COMPENSATION_DEADLINE,
            ),
        ),
    ),
    announcements=Announcements(
        turned=lambda _, step, reason: CheckoutTurned(step=step, reason=reason),
        completed=lambda checkout: CheckoutCompleted(
            visitor=checkout.visitor,
            sku=checkout.sku,
            quantity=checkout.quantity,
            amount=checkout.amount,
        ),
        compensated=lambda _, step, reason: CheckoutCompensated(step=step, reason=reason),
    ),
)
