"""Request limits for each client address, independent of its cookies.

Limits for each session bind clients that keep their session. These bind the others too, and are
generous, since an office or a school may share one address. The counts are in the memory of each
web process, and end with it.
"""

from __future__ import annotations

import ipaddress
import threading
import time
from collections.abc import Callable
from typing import Final

from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from cluster.kit.visitors import sender_address

MOST_REMEMBERED: Final = 10_000  # addresses; then those whose period is over are forgotten
# The IPv6 network of one customer of a provider, who may use any of its addresses for a request.
IPV6_NETWORK: Final = 64  # bits


def address_key(request: HttpRequest) -> str:
    """Return a keyed hash of the IPv4 address or IPv6 network that a request comes from.

    Empty, which means no limit, for this machine itself: its owner has a command line, and
    behind a proxy that does not forward the client's address all would share one limit.
    """
    try:
        address = ipaddress.ip_address(sender_address(request))
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address):
        mapped = address.ipv4_mapped
        network = ipaddress.ip_network((address, IPV6_NETWORK), strict=False)
        address = mapped or (address if address.is_loopback else network.network_address)
    if address.is_loopback:
        return ""
    return salted_hmac("portfolio.pace", str(address)).hexdigest()[:32]


class FixedWindowLimiter:
    """A limit of `most` requests of one key in each window of `period` seconds."""

    def __init__(
        self, most: int, period: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.most = most
        self.period = period
        self._clock = clock
        self._lock = threading.Lock()
        self._windows: dict[str, tuple[float, int]] = {}  # a window's start, and its count

    def take(self, key: str) -> float:
        """Count one request, and return 0 when it may be served, else the seconds to wait."""
        if not key:
            return 0.0
        now = self._clock()
        with self._lock:
            began, counted = self._windows.get(key, (now, 0))
            if now - began >= self.period:
                began, counted = now, 0
            if counted >= self.most:
                return began + self.period - now
            if key not in self._windows and len(self._windows) >= MOST_REMEMBERED:
                self._forget(now)
            self._windows[key] = (began, counted + 1)
        return 0.0

    def _forget(self, now: float) -> None:
        over = [key for key, (began, _) in self._windows.items() if now - began >= self.period]
        # When none is over, the oldest: this bounds the memory, not a flood from new addresses.
        for key in over or list(self._windows)[: MOST_REMEMBERED // 10]:
            del self._windows[key]
