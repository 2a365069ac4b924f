"""The contract of identity: the limit hold of a checkout, the erasure of a visitor, tokens."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from cluster.messaging.contract import Payload, command, event

# Every service writes this in the place of an erased visitor's card.
ERASED_CARD: Final = "erased"


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
    """A checkout completed, and its hold became spending."""

    visitor: str
    amount: int


@event("identity.limit_restored.v1", aggregate="refund")
class LimitRestored(Payload, frozen=True):
    """A refund was paid, and its amount may be spent again."""

    visitor: str
    amount: int


@command("identity.request_erasure.v1", aggregate="erasure")
class RequestErasure(Payload, frozen=True):
    """Replace the visitor by a pseudonym in every database."""

    visitor: str


@event("identity.erasure_requested.v1", aggregate="erasure")
class ErasureRequested(Payload, frozen=True):
    """Every service is to write `pseudonym` for `visitor`, and to answer with its receipt.

    `checkouts` are the ids of all checkouts of the visitor that identity knows. A service answers
    each attempt, whether it changes anything or not, unless a checkout or payment of the visitor is
    still in flight there: then it does not answer, and is asked again.
    """

    visitor: str
    pseudonym: str
    checkouts: tuple[UUID, ...]
    attempt: int


@event("identity.erasure_refused.v1", aggregate="erasure")
class ErasureRefused(Payload, frozen=True):
    reason: str


@event("identity.erasure_completed.v1", aggregate="erasure")
class ErasureCompleted(Payload, frozen=True):
    """Every service has answered, and `rows` of their rows carry the pseudonym."""

    pseudonym: str
    rows: int


@command("identity.issue_token.v1", aggregate="token")
class IssueToken(Payload, frozen=True):
    """Begin a family of tokens for a visitor.

    Only hashes travel: no secret is on the bus. `jti` names the first access token, `refresh_hash`
    is the SHA-256 of its refresh secret.
    """

    visitor: str
    jti: UUID
    refresh_hash: str


@command("identity.refresh_token.v1", aggregate="token")
class RefreshToken(Payload, frozen=True):
    """Exchange a refresh secret, by its hash, for a new access token and a new secret."""

    presented_hash: str
    jti: UUID
    refresh_hash: str


@command("identity.revoke_token.v1", aggregate="token")
class RevokeToken(Payload, frozen=True):
    """End a family, so that none of its tokens is of use any more.

    A family that has ended already is left as it is.
    """

    reason: str


@event("identity.token_granted.v1", aggregate="token")
class TokenGranted(Payload, frozen=True):
    """The access token `jti` may be signed."""

    jti: UUID


@event("identity.token_refused.v1", aggregate="token")
class TokenRefused(Payload, frozen=True):
    jti: UUID
    reason: str


@event("identity.token_revoked.v1", aggregate="token")
class TokenRevoked(Payload, frozen=True):
    """The family has ended."""

    reason: str
