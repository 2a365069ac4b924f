"""Asking identity for tokens, exchanging them, revoking them: by commands through the outbox.

A refresh token is the id of its family and a secret, signed. On the bus there is only the secret's
SHA-256. A revoked token is refused from the commit on: the deny list and the command are one
transaction, and identity receives the command when it can.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.core.signing import BadSignature, Signer

from cluster.identity.contract import (
    IssueToken,
    RefreshToken,
    RevokeToken,
    TokenGranted,
    TokenRefused,
)
from cluster.messaging.contract import Payload
from cluster.messaging.envelope import new_message_id
from cluster.messaging.work import UnitOfWork
from cluster.storefront.journal.answers import await_answer
from cluster.storefront.tokens.access import LIFE, InvalidToken, sign_access
from cluster.storefront.tokens.denial import REQUEST, deny, visitor_of_family
from cluster.storefront.transactions import run_in_transaction

BYTES: Final = 32  # of a refresh secret


class NoAnswer(Exception):
    """Identity has not answered in time, and may still grant tokens, which then expire unused."""


@dataclass(frozen=True, slots=True)
class Grant:
    """The tokens for a client: an access token for now, a refresh token for one exchange."""

    access: str
    refresh: str
    jti: UUID
    family: UUID
    seconds: int


def issue(visitor: str, keep_pace: Callable[[UnitOfWork], None] = lambda _work: None) -> Grant:
    """Return tokens for a visitor, unless `keep_pace` raises in the transaction of the request.

    Raises NoAnswer, SecretsError, DatabaseUnavailable.
    """
    family, jti, secret = new_message_id(), new_message_id(), _new_secret()
    command = IssueToken(visitor=visitor, jti=jti, refresh_hash=_hash(secret))

    def ask(work: UnitOfWork) -> None:
        keep_pace(work)
        work.cursor.execute(REQUEST, (family, visitor, work.now))

    _ask(family, command, ask, correlation=family)
    return _signed(visitor, family, jti, secret)


def refresh(token: str) -> Grant:
    """Return new tokens for a refresh token, which is of no use afterwards.

    Raises InvalidToken, NoAnswer, SecretsError, DatabaseUnavailable.
    """
    family, presented = _parts(token)
    visitor = run_in_transaction(lambda work: visitor_of_family(work, family))
    if visitor is None:
        raise InvalidToken("The refresh token has expired.")
    jti, secret = new_message_id(), _new_secret()
    command = RefreshToken(presented_hash=_hash(presented), jti=jti, refresh_hash=_hash(secret))
    _ask(family, command, correlation=new_message_id())
    return _signed(visitor, family, jti, secret)


def revoke(family: UUID) -> None:
    """End a family, at once here and later at identity.

    Raises DatabaseUnavailable.
    """

    def end(work: UnitOfWork) -> None:
        deny(work, family, work.now)
        command = RevokeToken(reason="its holder asked for it")
        work.send(command, subject_id=family, correlation=new_message_id())

    run_in_transaction(end)


def family_of(token: str) -> UUID:
    """Return the family of a refresh token of ours, used or not.

    Raises InvalidToken.
    """
    return _parts(token)[0]


def _ask(
    family: UUID,
    command: Payload,
    first: Callable[[UnitOfWork], None] = lambda _work: None,
    *,
    correlation: UUID,
) -> None:
    """Send the command and wait until identity grants it.

    Raises InvalidToken, NoAnswer.
    """

    def ask(work: UnitOfWork) -> None:
        first(work)
        work.send(command, subject_id=family, correlation=correlation)

    run_in_transaction(ask)
    answer = await_answer(correlation, (TokenGranted, TokenRefused))
    if answer is None:
        raise NoAnswer("Identity has not answered in time; it may be away.")
    if isinstance(answer.payload, TokenRefused):
        raise InvalidToken(f"No token was granted: {answer.payload.reason}.")


def _signed(visitor: str, family: UUID, jti: UUID, secret: str) -> Grant:
    access = sign_access(visitor=visitor, jti=jti, family=family)
    refresh = _signer().sign(f"{family.hex}.{secret}")
    return Grant(access, refresh, jti, family, int(LIFE.total_seconds()))


def _new_secret() -> str:
    return secrets.token_urlsafe(BYTES)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _parts(token: str) -> tuple[UUID, str]:
    """Return the family and the secret of a refresh token.

    It is signed, since families' ids are public in the journal.
    """
    try:
        named, _, secret = _signer().unsign(token).partition(".")
        return UUID(named), secret
    except (BadSignature, ValueError) as error:
        raise InvalidToken("The refresh token is not one of ours.") from error


def _signer() -> Signer:
    # Not at import: the key comes from OpenBao.
    return Signer(salt="portfolio.tokens", sep=".")
