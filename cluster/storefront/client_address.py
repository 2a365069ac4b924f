"""The address of a client, and the network of addresses that a limit counts as one client."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any, Final

# The IPv6 network of one customer of a provider, who may use any of its addresses for a request.
IPV6_NETWORK: Final = 64  # bits


def client_address(peer: str, forwarded: str) -> str:
    """Return the address that a request comes from, given that of its connection.

    Behind a proxy that is the last entry of X-Forwarded-For, which the proxy has written. It
    is trusted only when the connection comes from a private network: an attacker may send
    any header, but not from there.
    """
    try:
        behind_proxy = ipaddress.ip_address(peer).is_private
        named = forwarded.rpartition(",")[2].strip()
        return str(ipaddress.ip_address(named)) if behind_proxy and named else peer
    except ValueError:
        return peer


def client_network(address: str) -> str:
    """Return the IPv4 address or IPv6 network whose requests are those of one client.

    Empty, which means no limit, for this machine itself: its owner has a command line, and
    behind a proxy that does not forward the client's address all would share one limit.
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if isinstance(found, ipaddress.IPv6Address):
        mapped = found.ipv4_mapped
        network = ipaddress.ip_network((found, IPV6_NETWORK), strict=False)
        found = mapped or (found if found.is_loopback else network.network_address)
    return "" if found.is_loopback else str(found)


def socket_network(scope: Mapping[str, Any]) -> str:
    """Return the client network of a WebSocket, given its ASGI scope."""
    peer, _port = scope.get("client") or ("", 0)
    forwarded = b",".join(value for name, value in scope["headers"] if name == b"x-forwarded-for")
    return client_network(client_address(peer, forwarded.decode("latin-1")))
