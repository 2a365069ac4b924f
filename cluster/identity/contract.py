"""What identity publishes: the limit hold of a checkout, and what becomes of it."""

from __future__ import annotations

from cluster.messaging.contract import Payload, command, event


@command("identity.hold_limit.v1", aggregate="hold")
class HoldLimit(Payload, frozen=True):
    """Set `amount` (pence) of the visitor's spending limit aside."""

    visitor: str
    amount: int


@command("identity.release_hold.v1", aggregate="hold")
class ReleaseHold(Payload, frozen=True):
    """Compensation of HoldLimit."""

    reason: str


@event("identity.limit_held.v1", aggregate="hold")
class LimitHeld(Payload, frozen=True):
    amount: int


@event("identity.limit_refused.v1", aggregate="hold")
class LimitRefused(Payload, frozen=True):
    reason: str


@event("identity.hold_released.v1", aggregate="hold")
class HoldReleased(Payload, frozen=True):
    amount: int


@event("identity.limit_spent.v1", aggregate="spend")
class LimitSpent(Payload, frozen=True):
    """The checkout completed: its hold became spending."""

    visitor: str
    amount: int


@event("identity.limit_restored.v1", aggregate="refund")
class LimitRestored(Payload, frozen=True):
    """A refund was paid: its amount may be spent again."""

    visitor: str
    amount: int
