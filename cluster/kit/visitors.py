"""Visitors, known only by a random name in the signed session cookie."""

from __future__ import annotations

import ipaddress
import secrets
from typing import Final

from django.http import HttpRequest

VISITOR: Final = "visitor"  # the session's key


def visitor_of(request: HttpRequest) -> str:
    """Return the visitor's random name, made at its first use."""
    visitor = request.session.get(VISITOR)
    if not isinstance(visitor, str):
        visitor = request.session[VISITOR] = f"visitor-{secrets.token_hex(8)}"
    return visitor


def known_visitor(request: HttpRequest) -> str:
    """Return the visitor's name, empty for a visitor that has not done anything yet."""
    visitor = request.session.get(VISITOR)
    return visitor if isinstance(visitor, str) else ""


def sender_address(request: HttpRequest) -> str:
    """Return the address that a request comes from.

    Behind a proxy that is the last entry of X-Forwarded-For, which the proxy has written. It
    is trusted only when the connection comes from a private network: an attacker may send
    any header, but not from there.
    """
    peer: str = request.META.get("REMOTE_ADDR", "")
    try:
        behind_proxy = ipaddress.ip_address(peer).is_private
        forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip()
        return str(ipaddress.ip_address(forwarded)) if behind_proxy and forwarded else peer
    except ValueError:
        return peer
