"""A WebSocket comes from the address that the nearest proxy saw."""

from __future__ import annotations

import pytest

from cluster.storefront.client_address import socket_network


@pytest.mark.parametrize(
    ("client", "forwarded", "expected"),
    [
        (["203.0.113.7", 4711], b"", "203.0.113.7"),
        (["127.0.0.1", 4711], b"198.51.100.1, 203.0.113.7", "203.0.113.7"),
        (["93.184.216.34", 4711], b"198.51.100.1", "93.184.216.34"),  # strangers send any header
        (["127.0.0.1", 4711], b"", ""),
        (None, b"", ""),  # a Unix socket
    ],
)
def test_a_websocket_comes_from_where_its_handshake_does(
    client: list[object] | None, forwarded: bytes, expected: str
) -> None:
    headers = [(b"host", b"localhost"), *([(b"x-forwarded-for", forwarded)] if forwarded else [])]
    assert socket_network({"client": client, "headers": headers}) == expected
