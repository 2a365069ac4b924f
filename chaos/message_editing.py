"""Message faults for visitors, who edit a message of their own new checkout in flight.

The site asks the service that will send the message. That service notifies its relay and
answers, and when the answer is in the journal, the checkout begins
(`storefront/journal/read_models.py`). So the rule is in force before the checkout. It
concerns this checkout alone and ends within a minute.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from uuid import UUID

from cluster.checkout.definition import CHECKOUT
from cluster.messaging.contract import REGISTRY, Kind
from cluster.messaging.fault_commands import LONGEST_HOLD, fault_command
from cluster.messaging.fault_injection import Operation
from cluster.messaging.queries import announced
from cluster.messaging.work import UnitOfWork
from cluster.storefront.admission import TooManyRequests, limit_visitor
from cluster.storefront.checkout_intake import (
    CheckoutOrder,
    InvalidRequest,
    Outcome,
    register_checkout,
)
from cluster.storefront.repository import open_checkouts_of
from config.environment import SERVICES

SHORTEST_DELAY: Final = 0.1  # seconds
LONGEST_DELAY: Final = 10.0  # seconds

OPERATIONS: Final[Mapping[Operation, str]] = {
    Operation.DUPLICATE: "Send it twice",
    Operation.DELAY: "Hold it back for a while",
    Operation.REORDER: "Hold it back until a later message overtakes it",
    Operation.POISON: "Send a corrupted copy first",
}

ALWAYS: Final = frozenset(
    {
        Outcome.SUCCESS,
        Outcome.DECLINED,
        Outcome.PROVIDER_SILENT,
        Outcome.LATE_SUCCESS,
        Outcome.OUT_OF_STOCK,
    }
)
IN_STOCK: Final = ALWAYS - {Outcome.OUT_OF_STOCK}
PAID: Final = frozenset({Outcome.SUCCESS})
TURNED: Final = ALWAYS - PAID
UNANSWERED: Final = frozenset({Outcome.PROVIDER_SILENT, Outcome.LATE_SUCCESS})

# For each of a checkout's messages, its label and the outcomes in which it is sent.
_TABLE: Final[Mapping[str, tuple[str, frozenset[Outcome]]]] = {
    "identity.hold_limit.v1": ("CHK asks IDN to hold the limit", ALWAYS),
    "identity.limit_held.v1": ("IDN answers that the limit is held", ALWAYS),
    "catalog.reserve_stock.v1": ("CHK asks CAT to reserve the goods", ALWAYS),
    "catalog.stock_reserved.v1": ("CAT answers that the goods are reserved", IN_STOCK),
    "catalog.stock_refused.v1": (
        "CAT answers that there are no goods",
        frozenset({Outcome.OUT_OF_STOCK}),
    ),
    "payments.authorise_payment.v1": ("CHK asks PAY to authorise the payment", IN_STOCK),
    "payments.payment_authorised.v1": ("PAY answers that the payment is authorised", PAID),
    "payments.payment_declined.v1": (
        "PAY answers that the card was declined",
        frozenset({Outcome.DECLINED}),
    ),
    "orders.confirm_order.v1": ("CHK asks ORD to confirm the order", PAID),
    "orders.order_confirmed.v1": ("ORD answers that the order is confirmed", PAID),
    "payments.capture_payment.v1": ("CHK asks PAY to take the money", PAID),
    "payments.payment_captured.v1": ("PAY answers that the money is taken", PAID),
    "payments.void_payment.v1": ("CHK asks PAY to void the payment", UNANSWERED),
    "payments.payment_voided.v1": ("PAY answers that the payment is void", UNANSWERED),
    "catalog.release_stock.v1": ("CHK asks CAT to release the goods", TURNED & IN_STOCK),
    "catalog.stock_released.v1": ("CAT answers that the goods are free", TURNED & IN_STOCK),
    "identity.release_hold.v1": ("CHK asks IDN to release the limit", TURNED),
    "identity.hold_released.v1": ("IDN answers that the limit is free", TURNED),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """One message that can be picked, with the service `sender` whose relay sends it.

    `outcomes`: the requested outcomes of the checkouts in which it is sent.
    """

    message: str
    label: str
    sender: str
    receiver: str
    outcomes: frozenset[Outcome]


def _choice(message: str, label: str, outcomes: frozenset[Outcome]) -> Choice:
    declared = REGISTRY[message]
    sent_by = {
        Kind.COMMAND: (CHECKOUT.name, declared.owner),
        Kind.EVENT: (declared.owner, CHECKOUT.name),
    }
    sender, receiver = sent_by[declared.kind]
    return Choice(message, label, sender, receiver, outcomes)


CHOICES: Final = tuple(_choice(message, *told) for message, told in _TABLE.items())
BY_MESSAGE: Final = {choice.message: choice for choice in CHOICES}


def restriction(choice: Choice, outcome: Outcome) -> str | None:
    """Return why this message cannot be picked for a checkout of that outcome, or None."""
    if outcome in choice.outcomes:
        return None
    if outcome not in ALWAYS:
        return f"Who wins a {outcome} is open, so nobody can say which messages there will be."
    return f"A checkout that ends as {outcome} does not send this message."


def operate(
    work: UnitOfWork,
    *,
    checkout: CheckoutOrder,
    operation: Operation,
    message: str,
    seconds: float = 0.0,
) -> UUID:
    """Accept a checkout whose message of this type gets the fault, and return its id.

    `seconds` is the time for which a delayed message is held back; other operations do not
    use it. Idempotent by the checkout's id. Raises InvalidRequest for an invalid combination,
    and TooManyRequests when the visitor, or all of them, should wait.
    """
    choice = _check(checkout, operation, message, seconds)
    limit_visitor(work, visitor=checkout.visitor, checkout=checkout.id)
    if _under_way(work, checkout):
        raise TooManyRequests(
            "Your last operation has not ended yet. Wait until its checkout has.",
            status=HTTPStatus.CONFLICT,
            retry_after=5,
        )
    if register_checkout(work, request=checkout):
        holds = {Operation.DELAY: seconds, Operation.REORDER: LONGEST_HOLD}
        rule = fault_command(
            choice.sender,
            operation=operation,
            message=message,
            receiver=choice.receiver,
            seconds=holds.get(operation, 0.0),
        )
        work.send(rule, subject_id=checkout.id, correlation=checkout.id)
    return checkout.id


def _under_way(work: UnitOfWork, checkout: CheckoutOrder) -> bool:
    """Return whether another checkout of this visitor, of which a message is edited, is open."""
    others = set(open_checkouts_of(work.cursor, checkout.visitor)) - {checkout.id}
    rules = [f"{name}_surgery/{other}" for name in SERVICES for other in others]
    return bool(announced(work.cursor, rules))


def _check(checkout: CheckoutOrder, operation: Operation, message: str, seconds: float) -> Choice:
    choice = BY_MESSAGE.get(message)
    if choice is None:
        raise InvalidRequest("Choose one of a checkout's messages.")
    why_not = restriction(choice, Outcome(checkout.requested_outcome))
    if why_not:
        raise InvalidRequest(why_not)
    if operation is Operation.DELAY and not SHORTEST_DELAY <= seconds <= LONGEST_DELAY:
        raise InvalidRequest(
            f"A message is held back for {SHORTEST_DELAY:g} to {LONGEST_DELAY:g} seconds."
        )
    return choice
