"""Webhook signatures: HMAC-SHA256 over `timestamp.body`, in a header `t=…,v1=…`.

The scheme is Stripe's (https://docs.stripe.com/webhooks#verify-manually): the signed time bounds
how long an attacker can replay a recorded request, and the event ids protect against replays within
that time.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

_TIME_DIGITS: Final = 12  # enough for 30,000 years, and short enough for int()
TOLERANCE: Final = 300  # seconds that the clocks may differ, including the time of transmission


class BadSignature(ValueError):
    """The request was not signed with our secret, or was signed too long ago."""


class NoMatch(BadSignature):
    """None of the signatures is one of our secrets over this body."""


def sign(body: bytes, *secrets: str, at: int) -> str:
    """Return the header for `body`, signed with each secret at the Unix time `at`."""
    return ",".join([f"t={at}", *(f"v1={_digest(body, secret=one, at=at)}" for one in secrets)])


def verify(header: str, body: bytes, *secrets: str, now: float) -> None:
    """Raise BadSignature unless `header` signs `body` at about the Unix time `now`.

    One of its signatures with one of the secrets suffices, so that both sides can change their
    secret without a gap.
    """
    at, digests = _parse(header)
    expected = [_digest(body, secret=secret, at=at).encode() for secret in secrets]
    matches = [hmac.compare_digest(one, digest.encode()) for one in expected for digest in digests]
    if not any(matches):
        raise NoMatch("the signature does not match the body")
    if abs(now - at) > TOLERANCE:
        raise BadSignature(f"signed {abs(now - at):.0f} s away from now; {TOLERANCE} s are allowed")


def _digest(body: bytes, *, secret: str, at: int) -> str:
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()


def _parse(header: str) -> tuple[int, list[str]]:
    pairs = [part.strip().partition("=") for part in header.split(",")]
    digests = [value for key, _, value in pairs if key == "v1"]
    times = [value for key, _, value in pairs if key == "t"]
    if len(times) != 1 or not digests:
        raise BadSignature("the signature header is not of the form t=…,v1=…")
    # isdecimal alone would accept other scripts' digits.
    if not (times[0].isascii() and times[0].isdecimal() and len(times[0]) <= _TIME_DIGITS):
        raise BadSignature("the time of the signature is not a Unix time")
    return int(times[0]), digests
