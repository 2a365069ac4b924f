"""The visitor for whom an operation acts: that of a token, or of the browser's session.

Everything that an operation reads, starts or ends is this visitor's own.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from django.http import HttpRequest

from cluster.kit import visitors
from cluster.secrets.vault import SecretsError
from cluster.storefront.tokens.access import InvalidToken, read_access
from portfolio.api.problems import INVALID_TOKEN, NOT_FROM_HERE, Problem, away

SCHEME: Final = "bearer"
# Sec-Fetch-Site of a request that the browser's user or a page of this site has made.
OURS: Final = frozenset({"same-origin", "none"})


def visitor_of(request: HttpRequest) -> str:
    """Return the visitor that a request acts for, a new one without token and session.

    Raises Problem 401 for a token that is not valid: it never falls back to the session.
    """
    token = bearer_token(request)
    return visitors.visitor_of(request) if token is None else _visitor_of_token(token)


def known_visitor(request: HttpRequest) -> str:
    """Return the visitor of a request that only reads, an empty string for a new visitor.

    Raises Problem 401 for a token that is not valid.
    """
    token = bearer_token(request)
    return visitors.known_visitor(request) if token is None else _visitor_of_token(token)


def bearer_token(request: HttpRequest) -> str | None:
    """Return the token of a request, or None without an Authorization field.

    Raises Problem 401 for another scheme, or without a token.
    """
    field = request.headers.get("Authorization")
    if field is None:
        return None
    scheme, _, token = field.partition(" ")
    if scheme.lower() != SCHEME or not token.strip():
        raise invalid_token("Authorization must be `Bearer` and a token.")
    return token.strip()


def refuse_other_sites(request: HttpRequest) -> None:
    """Raise Problem 403 when a page of another site makes a visitor's browser send this.

    A token in the request is proof enough, since a browser adds none by itself. Programs that
    are no browser send neither field, and could claim any origin.
    """
    if "Authorization" in request.headers:
        return
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    if (site is None or site in OURS) and (origin is None or _is_ours(request, origin)):
        return
    raise NOT_FROM_HERE.problem("This was sent from a page of another site.")


def _is_ours(request: HttpRequest, origin: str) -> bool:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and parts.netloc.lower() == request.get_host().lower()


def _visitor_of_token(token: str) -> str:
    try:
        return read_access(token).visitor
    except InvalidToken as error:
        raise invalid_token(str(error)) from error
    except SecretsError as error:
        raise away("OpenBao, which has the keys of tokens, has not been there yet.") from error


def invalid_token(detail: str) -> Problem:
    """Return Problem 401 with the field that RFC 6750 requires.

    `detail` is one plain sentence.
    """
    field = 'Bearer realm="api", error="invalid_token"'
    return INVALID_TOKEN.problem(detail, headers={"WWW-Authenticate": field})
