"""The rate limits of one client address."""

from __future__ import annotations

import pytest
from django.test import RequestFactory

from portfolio.web import rate_limit
from portfolio.web.rate_limit import FixedWindowLimiter, address_key


def key(peer: str, forwarded: str = "") -> str:
    request = RequestFactory().get("/", REMOTE_ADDR=peer)
    if forwarded:
        request.META["HTTP_X_FORWARDED_FOR"] = forwarded
    return address_key(request)


needs_key = pytest.mark.platform  # addresses are hashed with the site's key


@needs_key
def test_an_address_is_told_from_another_and_named_nowhere() -> None:
    assert key("203.0.113.7") == key("127.0.0.1", "198.51.100.1, 203.0.113.7")
    assert key("203.0.113.7") == key("::ffff:203.0.113.7")
    assert key("203.0.113.7") != key("203.0.113.8")


@needs_key
def test_an_ipv6_network_is_one_client() -> None:
    assert key("2001:db8:1:2::1") == key("2001:db8:1:2:ffff::9")
    assert key("2001:db8:1:2::1") != key("2001:db8:1:3::1")


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "", "a socket"])
def test_this_machine_itself_has_no_limit(peer: str) -> None:
    assert key(peer) == ""
    assert not any(FixedWindowLimiter(1, 60.0).take(key(peer)) for _ in range(3))


def test_what_is_too_much_waits_for_the_end_of_the_period() -> None:
    now = [100.0]
    limit = FixedWindowLimiter(2, 60.0, clock=lambda: now[0])
    assert [limit.take("a"), limit.take("a")] == [0.0, 0.0]
    now[0] += 20.0
    assert limit.take("a") == 40.0
    assert limit.take("b") == 0.0
    now[0] += 40.0
    assert limit.take("a") == 0.0


def test_a_flood_of_addresses_takes_no_more_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limit, "MOST_REMEMBERED", 20)
    limit = FixedWindowLimiter(1, 60.0)
    for number in range(200):
        assert limit.take(str(number)) == 0.0
    assert len(limit._windows) <= 20
