"""The contract of checkout: the start, the compensation and the end of a checkout."""

from __future__ import annotations

from cluster.messaging.contract import Payload, command, event


@command("checkout.start_checkout.v1", aggregate="saga")
class StartCheckout(Payload, frozen=True):
    """Buy `quantity` of `sku` for `amount` pence in all, paid by `card`."""

    visitor: str
    sku: str
    quantity: int
    amount: int
    card: str


@event("checkout.checkout_turned.v1", aggregate="saga")
class CheckoutTurned(Payload, frozen=True):
    """A refusal or a missed deadline at `step`, upon which compensation begins."""

    step: str
    reason: str


@event("checkout.checkout_completed.v1", aggregate="checkout")
class CheckoutCompleted(Payload, frozen=True):
    visitor: str
    sku: str
    quantity: int
    amount: int


@event("checkout.checkout_compensated.v1", aggregate="checkout")
class CheckoutCompensated(Payload, frozen=True):
    step: str
    reason: str


@event("checkout.visitor_erased.v1", aggregate="erasure")
class CheckoutVisitorErased(Payload, frozen=True):
    """The visitor's checkouts, `rows` of them, carry the pseudonym."""

    attempt: int
    rows: int
