"""The key of a client's address tells it from another, and does not reveal it."""

from __future__ import annotations

import pytest
from django.http import HttpRequest
from django.test import RequestFactory

from cluster.kit.visitors import address_key, sender_address

pytestmark = pytest.mark.usefixtures("signing_key")


def request_from(peer: str, forwarded: str = "") -> HttpRequest:
    request = RequestFactory().get("/", REMOTE_ADDR=peer)
    if forwarded:
        request.META["HTTP_X_FORWARDED_FOR"] = forwarded
    return request


def key(peer: str, forwarded: str = "", **salt: str) -> str:
    return address_key(request_from(peer, forwarded), **salt)


def test_an_address_is_told_from_another_and_named_nowhere() -> None:
    assert key("203.0.113.7") == key("127.0.0.1", "198.51.100.1, 203.0.113.7")
    assert key("203.0.113.7") == key("::ffff:203.0.113.7")
    assert key("203.0.113.7") != key("203.0.113.8")
    assert "203.0.113.7" not in key("203.0.113.7")


def test_an_ipv6_network_is_one_client() -> None:
    assert key("2001:db8:1:2::1") == key("2001:db8:1:2:ffff::9")
    assert key("2001:db8:1:2::1") != key("2001:db8:1:3::1")


def test_keys_of_two_purposes_cannot_be_compared() -> None:
    assert key("203.0.113.7") != key("203.0.113.7", salt="another purpose")


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "", "a socket"])
def test_this_machine_itself_has_none(peer: str) -> None:
    assert key(peer) == ""


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("93.184.216.34", "", "93.184.216.34"),
        ("93.184.216.34", "151.101.1.69", "93.184.216.34"),  # a visitor may send any header
        ("127.0.0.1", "151.101.1.69", "151.101.1.69"),
        ("10.0.0.3", "1.2.3.4, 151.101.1.69", "151.101.1.69"),
        ("127.0.0.1", "nonsense", "127.0.0.1"),
        ("", "", ""),
    ],
)
def test_the_address_of_a_sender_is_what_the_nearest_proxy_saw(
    peer: str, forwarded: str, expected: str
) -> None:
    assert sender_address(request_from(peer, forwarded)) == expected
