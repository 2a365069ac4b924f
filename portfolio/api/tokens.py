"""Tokens, for programs that keep no cookies and for acting as a visitor from elsewhere.

`/.well-known/jwks.json` has the public keys that verify them.
Sources: RFC 6750 (bearer tokens), RFC 7009 (revocation), RFC 9700 (refresh tokens).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Literal, TypeVar
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from ninja import Router, Schema
from pydantic import Field

from cluster.kit.problems import problem
from cluster.messaging.work import UnitOfWork
from cluster.secrets.vault import SecretsError
from cluster.storefront.tokens import grants
from cluster.storefront.tokens.access import InvalidToken, read_access
from cluster.storefront.tokens.keys import FRESH, key_set
from portfolio.api.describe import told
from portfolio.api.problems import RETRY_SOON, away
from portfolio.api.rate_limits import (
    EXCHANGES,
    REVOCATIONS,
    TOKENS,
    limit,
    limit_address,
    limited,
)
from portfolio.api.schemas import Asked, filled
from portfolio.api.visitor import bearer_token, invalid_token, visitor_of

router = Router(tags=["Tokens"])
Result = TypeVar("Result")

LONGEST = 200  # characters of a refresh token; ours have 76
VISIBLE = "^[!-~]+$"  # the characters of every token, and more (RFC 6750, section 2.1)


class NothingAsked(Asked):
    """An empty object. The session or the token identifies the visitor."""


class RefreshAsked(Asked):
    """A refresh token, which is not valid after this exchange."""

    refresh_token: str = Field(min_length=1, max_length=LONGEST, pattern=VISIBLE)


class RevocationAsked(Asked):
    """An access token or a refresh token. All tokens of its family are revoked."""

    token: str = Field(min_length=1, max_length=2_000, pattern=VISIBLE)


class TokenPair(Schema):
    """A token response as in RFC 6749, section 5.1, with the id of the access token."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int = Field(description="Seconds.")
    refresh_token: str = Field(description="For one exchange.")
    jti: UUID = Field(description="The access token's id.")


class TokenSeen(Schema):
    """The claims of the token in the Authorization field."""

    visitor: str
    jti: UUID
    family: UUID
    expires_at: datetime


class Revoked(Schema):
    """The answer to a revocation. It is the same for a token that this site did not issue."""

    revoked: Literal[True]


@router.post(
    "/tokens",
    response={201: TokenPair},
    summary="Tokens for who you are",
    description="For the visitor of the session, or of the token that is sent. The access token "
    "is good for five minutes.",
    openapi_extra=told(limited=True, request_example={}),
)
@limited(TOKENS)
def issue_tokens(request: HttpRequest, asked: NothingAsked) -> HttpResponse:  # noqa: ARG001  # the body
    """Ask identity for tokens of the visitor, and return them signed."""
    visitor = visitor_of(request)

    def keep_pace(work: UnitOfWork) -> None:
        limit(work, request, visitor, TOKENS)

    return _answer(_attempted(lambda: grants.issue(visitor, keep_pace)))


@router.post(
    "/tokens/refresh",
    response={201: TokenPair},
    summary="New tokens for a refresh token",
    description="A refresh token is good for one exchange. One that comes a second time has been "
    "copied: all tokens of its family are then revoked.",
    openapi_extra=told(
        personal=False,
        errors=(401, 429),
        request_example={"refresh_token": "0193664e0d2e7c438f523c1d6a5b4e21.kP3vq0"},
    ),
)
def refresh_tokens(request: HttpRequest, asked: RefreshAsked) -> HttpResponse:
    """Exchange a refresh token for new tokens, once."""
    limit_address(request, EXCHANGES)
    return _answer(_attempted(lambda: grants.refresh(asked.refresh_token)))


@router.post(
    "/tokens/revoke",
    response=Revoked,
    summary="End tokens",
    description="At once for every request that comes after the answer. A token that is unknown or "
    "has ended is no error (RFC 7009, section 2.2).",
    openapi_extra=told(
        personal=False,
        errors=(429,),
        request_example={"token": "0193664e0d2e7c438f523c1d6a5b4e21.kP3vq0"},
    ),
)
def revoke_tokens(request: HttpRequest, asked: RevocationAsked) -> Revoked:
    """Revoke the family of a token. Holding the token is the right to do so."""
    limit_address(request, REVOCATIONS)
    family = _family_of(asked.token)
    if family is not None:
        grants.revoke(family)
    return Revoked(revoked=True)


@router.get(
    "/tokens/mine",
    response=TokenSeen,
    summary="What your token says",
    openapi_extra=told(errors=(401,)),
)
def get_token(request: HttpRequest) -> TokenSeen:
    """Return the claims of the bearer token. A request with only a session gets a 401."""
    token = bearer_token(request)
    if token is None:
        raise invalid_token("This needs an Authorization field with a Bearer token.")
    access = _attempted(lambda: read_access(token))
    return filled(TokenSeen, access)


def _family_of(token: str) -> UUID | None:
    try:
        return grants.family_of(token)
    except InvalidToken:
        pass
    try:
        return read_access(token).family
    except InvalidToken:
        return None


def _attempted(deed: Callable[[], Result]) -> Result:
    try:
        return deed()
    except InvalidToken as error:
        raise invalid_token(str(error)) from error
    except grants.NoAnswer as error:
        raise away(str(error)) from error
    except SecretsError as error:
        raise away("OpenBao, which signs tokens, is away.") from error


def _answer(grant: grants.Grant) -> HttpResponse:
    body = TokenPair(
        access_token=grant.access,
        token_type="Bearer",  # noqa: S106  # a kind of token, not one
        expires_in=grant.seconds,
        refresh_token=grant.refresh,
        jti=grant.jti,
    )
    return HttpResponse(
        body.model_dump_json(),
        status=HTTPStatus.CREATED,
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


@require_safe
def keys(request: HttpRequest) -> HttpResponse:
    """Return the public keys as a JWK Set (RFC 7517)."""
    try:
        found = key_set()
    except SecretsError:
        return problem(
            request,
            HTTPStatus.SERVICE_UNAVAILABLE,
            "OpenBao, which has the keys, is away.",
            retry_after=RETRY_SOON,
        )
    return JsonResponse(
        found,
        content_type="application/jwk-set+json",
        headers={"Cache-Control": f"public, max-age={FRESH:.0f}"},
    )
