"""Visitors, known by the random name in a signed session cookie, and their addresses."""

from __future__ import annotations

import secrets
from typing import Final

from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from cluster.storefront.client_address import client_address, client_network

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
    """Return the address that a request comes from, as the nearest proxy saw it."""
    meta = request.META
    return client_address(meta.get("REMOTE_ADDR", ""), meta.get("HTTP_X_FORWARDED_FOR", ""))


def address_key(request: HttpRequest, salt: str = "portfolio.pace") -> str:
    """Return a keyed hash of the client network that a request comes from.

    Empty, which means no limit, for this machine itself.
    """
    return network_key(client_network(sender_address(request)), salt)


def network_key(network: str, salt: str = "portfolio.pace") -> str:
    """Return a keyed hash of a client network, empty for an empty one."""
    return salted_hmac(salt, network).hexdigest()[:32] if network else ""
