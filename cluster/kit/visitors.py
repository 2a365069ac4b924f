"""Who visits: a random name in the signed session cookie, and nothing else."""

from __future__ import annotations

import ipaddress
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


def sender_address(request: HttpRequest) -> str:
    """The address that a request comes from.

    Behind a proxy that is the last entry of X-Forwarded-For, which the proxy has written. It
    is believed only when the connection comes from a private network; a stranger may write
    any header, but not come from there.
    """
    peer: str = request.META.get("REMOTE_ADDR", "")
    try:
        behind_proxy = ipaddress.ip_address(peer).is_private
        forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip()
        return str(ipaddress.ip_address(forwarded)) if behind_proxy and forwarded else peer
    except ValueError:
        return peer
