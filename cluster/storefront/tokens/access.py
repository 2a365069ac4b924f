"""Access tokens: short-lived JSON Web Tokens (RFC 7519) in the profile of RFC 9068.

Verifying one takes the public keys and the deny list, and no call to another service.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import jwt

from cluster.secrets.transit import sign
from cluster.storefront.models import RevokedToken
from cluster.storefront.tokens.keys import ALGORITHM, known_keys, public_key

LIFE: Final = timedelta(minutes=5)
ISSUER: Final = "working-timetable"
AUDIENCE: Final = "working-timetable-api"
TYPE: Final = "at+jwt"
LONGEST: Final = 2_000  # characters; ours have about 500


class InvalidToken(Exception):
    """The token gives no right, for the reason that the message gives in one plain sentence."""


@dataclass(frozen=True, slots=True)
class Access:
    """The claims of a valid access token."""

    visitor: str
    jti: UUID
    family: UUID
    expires_at: datetime


def sign_access(*, visitor: str, jti: UUID, family: UUID) -> str:
    """Return a token that is valid for LIFE from now.

    Raises SecretsError while OpenBao is away.
    """
    version = known_keys().latest
    now = int(datetime.now(UTC).timestamp())
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": visitor,
        "iat": now,
        "exp": now + int(LIFE.total_seconds()),
        "jti": str(jti),
        "family": str(family),
    }
    header = {"alg": ALGORITHM, "kid": str(version), "typ": TYPE}
    signed = f"{_encoded(json.dumps(header).encode())}.{_encoded(json.dumps(claims).encode())}"
    return f"{signed}.{_encoded(sign(signed.encode(), version=version))}"


def read_access(token: str) -> Access:
    """Check the token and return its claims.

    The algorithm is fixed here, never taken from the token (RFC 8725, section 3.1). Raises
    InvalidToken, or SecretsError when no key was ever known.
    """
    if len(token) > LONGEST:
        raise InvalidToken("The token is longer than any of ours.")
    try:
        claims = jwt.decode(
            token,
            public_key(_pem_for(token)),
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            issuer=ISSUER,
            options={"require": ["exp", "iat", "sub", "jti", "iss", "aud", "family"]},
        )
        access = _access(claims)
    except jwt.ExpiredSignatureError as error:
        raise InvalidToken("The token has expired.") from error
    except (jwt.InvalidTokenError, ValueError, TypeError) as error:
        raise InvalidToken("The token is not one of ours.") from error
    if RevokedToken.objects.filter(id__in=(access.jti, access.family)).exists():
        raise InvalidToken("The token was revoked.")
    return access


def _pem_for(token: str) -> str:
    header = jwt.get_unverified_header(token)
    named = header.get("kid")
    if not (isinstance(named, str) and named.isascii() and named.isdigit() and len(named) < 9):  # noqa: PLR2004
        raise InvalidToken("The token names no key of ours.")
    if header.get("typ") != TYPE:
        raise InvalidToken("The token is not an access token.")
    pem = known_keys(version=int(named)).by_version.get(int(named))
    if pem is None:
        raise InvalidToken("The token names no key of ours.")
    return pem


def _access(claims: dict[str, Any]) -> Access:
    return Access(
        visitor=str(claims["sub"]),
        jti=UUID(claims["jti"]),
        family=UUID(claims["family"]),
        expires_at=datetime.fromtimestamp(claims["exp"], UTC),
    )


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
