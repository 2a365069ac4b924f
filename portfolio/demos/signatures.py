"""The verdict of the gateway's signature check on a good, an old and a changed webhook.

The site does not have the provider's secret, so that it cannot send a genuine webhook again.
This calls the gateway's own function, with a secret made for the run.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from typing import Final

from cluster.payments.signature import TOLERANCE, BadSignature, sign, verify
from portfolio.demos.queries import table
from portfolio.demos.result import Table

BODY: Final = b'{"events": []}'


def signature_table() -> Table:
    """Return each case with the verdict of `cluster.payments.signature.verify`."""
    caption = "What the same check says when the secret is right (one made for this run)"
    return table("", caption, ("webhook", "verdict"), _cases())


def _cases() -> Iterator[tuple[str, str]]:
    secret, now = secrets.token_urlsafe(24), int(time.time())
    genuine = sign(BODY, secret, at=now)
    old = sign(BODY, secret, at=now - TOLERANCE - 1)
    changed = BODY.replace(b"[]", b"[0]")
    yield "as it was sent", _verdict(genuine, BODY, secret, now)
    yield "recorded, and sent again later", _verdict(old, BODY, secret, now)
    yield "with another body", _verdict(genuine, changed, secret, now)
    both = f"{genuine},v1={'0' * 64}"
    yield "signed with two secrets, as while one is changed", _verdict(both, BODY, secret, now)


def _verdict(header: str, body: bytes, secret: str, now: float) -> str:
    try:
        verify(header, body, secret, now=now)
    except BadSignature as error:
        return f"refused: {error}"
    return "believed"
