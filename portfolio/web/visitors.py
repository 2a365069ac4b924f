"""Who visits: a random name in the signed session cookie, and nothing else."""

from __future__ import annotations

import secrets
from typing import Final

from django.http import HttpRequest

VISITOR: Final = "visitor"  # the session's key


def visitor_of(request: HttpRequest) -> str:
    """The visitor's random name, given at the first need; nothing else is known of anybody."""
    visitor = request.session.get(VISITOR)
    if not isinstance(visitor, str):
        visitor = request.session[VISITOR] = f"visitor-{secrets.token_hex(8)}"
    return visitor


def known_visitor(request: HttpRequest) -> str:
    """The visitor's name if there is one; empty for whoever has not done anything yet."""
    visitor = request.session.get(VISITOR)
    return visitor if isinstance(visitor, str) else ""
