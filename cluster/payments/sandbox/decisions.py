"""The provider's decisions on operations, and the delays of its webhooks, without any I/O.

The card decides its behaviour:

tok_ok             authorises at once
tok_slow           authorises as a bank does: after `slow_authorisation` seconds
tok_declined       declines at once
tok_slow_declined  declines as a bank does, after as long
tok_silent         never answers the authorisation
tok_late           authorises after LATE_AUTHORISATION seconds, even after a void
tok_twice          sends each webhook twice
tok_reordered      sends the authorisation's webhook after those of later operations, and again
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from cluster.payments.provider_api import EventType, Operation, OperationKind

REFUSED: Final = "the card was declined"
LATE_AUTHORISATION: Final = 9.0  # seconds; a checkout waits for 6
# A bank mostly answers within a second, and sometimes takes longer.
SLOW_AUTHORISATION: Final = (0.3, 2.0)  # seconds, the least and the most
# More than 1 makes short times frequent: with 2.5 half of them stay under 0.6 s.
SLOW_SKEW: Final = 2.5
# Seconds. The second copy comes when the first has been applied.
REPEAT_AFTER: Final = 0.2
# Seconds, long enough for the answer to a later operation to overtake, within the 6 s of a
# checkout.
REORDERED_DELAYS: Final = (1.0, 3.0)


class AccountState(enum.StrEnum):
    PENDING = "pending"  # asked to authorise, and not decided
    AUTHORISED = "authorised"
    DECLINED = "declined"
    CAPTURED = "captured"
    VOIDED = "voided"
    REFUNDED = "refunded"


@dataclass(frozen=True, slots=True)
class Account:
    """The provider's record of one payment, with `amount` in pence."""

    state: AccountState
    amount: int
    card: str

    @property
    def authorised(self) -> int:
        return self.amount if self.state is AccountState.AUTHORISED else 0

    @property
    def captured(self) -> int:
        return self.amount if self.state is AccountState.CAPTURED else 0


@dataclass(frozen=True, slots=True)
class Answer:
    """The event that an operation leads to."""

    type: EventType
    amount: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Ruling:
    """The account after an operation, and the answer.

    With `authorise_after` the answer to an authorisation comes so many seconds later.
    """

    account: Account | None
    answer: Answer | None
    authorise_after: float | None = None


# The state that each operation needs, the state it leads to, and its answers: success, refusal.
_MOVES: Final = {
    OperationKind.CAPTURE: (
        AccountState.AUTHORISED,
        AccountState.CAPTURED,
        EventType.CAPTURED,
        EventType.CAPTURE_REFUSED,
    ),
    OperationKind.VOID: (
        AccountState.AUTHORISED,
        AccountState.VOIDED,
        EventType.VOIDED,
        EventType.NOTHING_TO_VOID,
    ),
    OperationKind.REFUND: (
        AccountState.CAPTURED,
        AccountState.REFUNDED,
        EventType.REFUNDED,
        EventType.NOTHING_TO_REFUND,
    ),
}


def decide(account: Account | None, operation: Operation) -> Ruling:
    """Carry out one operation whose key was not used before."""
    if operation.kind is OperationKind.AUTHORISE:
        return _authorise(account, operation)
    needed, reached, done, refused = _MOVES[operation.kind]
    if account is None or account.state is not needed:
        state = "unknown" if account is None else account.state.value
        return Ruling(account, Answer(refused, reason=f"the payment is {state}"))
    return Ruling(replace(account, state=reached), Answer(done, account.amount))


def authorise_late(account: Account) -> Ruling:
    """Answer an authorisation that was not answered at once and is due now."""
    if account.card == "tok_slow_declined":
        declined = Answer(EventType.DECLINED, reason=REFUSED)
        return Ruling(replace(account, state=AccountState.DECLINED), declined)
    return Ruling(
        replace(account, state=AccountState.AUTHORISED),
        Answer(EventType.AUTHORISED, account.amount),
    )


def slow_authorisation(payment: UUID) -> float:
    """Return the seconds that a bank takes for this payment, the same at each call."""
    least, most = SLOW_AUTHORISATION
    # The end of an id is random, its beginning is the time.
    share = (payment.int & 0xFFFF_FFFF) / 0x1_0000_0000
    return float(least + (most - least) * share**SLOW_SKEW)


def delivery_delays(card: str, event: EventType) -> tuple[float, ...]:
    """Return the seconds after an event at which it is delivered, once for each number."""
    if card == "tok_twice":
        return (0.0, REPEAT_AFTER)
    if card == "tok_reordered" and event is EventType.AUTHORISED:
        return REORDERED_DELAYS
    return (0.0,)


def _authorise(account: Account | None, operation: Operation) -> Ruling:
    if account is not None:
        refusal = Answer(EventType.DECLINED, reason="this payment was authorised before")
        return Ruling(account, refusal)

    def opened(state: AccountState) -> Account:
        return Account(state, operation.amount, operation.card)

    match operation.card:
        case "tok_ok" | "tok_twice" | "tok_reordered":
            granted = Answer(EventType.AUTHORISED, operation.amount)
            return Ruling(opened(AccountState.AUTHORISED), granted)
        case "tok_silent":
            return Ruling(opened(AccountState.PENDING), None)
        case "tok_slow" | "tok_slow_declined":
            pause = slow_authorisation(operation.payment)
            return Ruling(opened(AccountState.PENDING), None, authorise_after=pause)
        case "tok_late":
            return Ruling(opened(AccountState.PENDING), None, authorise_after=LATE_AUTHORISATION)
        case "tok_declined":
            declined = Answer(EventType.DECLINED, reason=REFUSED)
        case _:
            declined = Answer(EventType.DECLINED, reason="the card is not known")
    return Ruling(opened(AccountState.DECLINED), declined)
