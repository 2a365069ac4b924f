"""One client is one IPv4 address or one IPv6 network, and this machine is none."""

from __future__ import annotations

import pytest

from cluster.storefront.client_address import client_network, socket_network


def test_an_address_is_told_from_another() -> None:
    assert client_network("203.0.113.7") == client_network("::ffff:203.0.113.7")
    assert client_network("203.0.113.7") != client_network("203.0.113.8")


def test_an_ipv6_network_is_one_client() -> None:
    assert client_network("2001:db8:1:2::1") == client_network("2001:db8:1:2:ffff::9")
    assert client_network("2001:db8:1:2::1") != client_network("2001:db8:1:3::1")


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "", "a socket"])
def test_this_machine_itself_is_no_client(address: str) -> None:
    assert client_network(address) == ""


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
