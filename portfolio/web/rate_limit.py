"""How much one client address may ask for, whatever cookies it keeps or drops.

Limits for each session hold whoever keeps the session. These hold whoever does not, and are
generous, since an office or a school may share one address. The counts are in memory: of each
web process, and forgotten with it.
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
# What one customer of a provider has of IPv6: any of its addresses may be used for a request.
IPV6_NETWORK: Final = 64  # bits


def address_key(request: HttpRequest) -> str:
    """A keyed hash of where a request comes from: an IPv4 address or an IPv6 network.

    Empty, which nothing limits, for this machine itself: its owner has a command line, and
    behind a proxy that does not say for whom it asks everybody would share one limit.
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
    """At most `most` requests from one address in `period` seconds, in windows of that length."""

    def __init__(
        self, most: int, period: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.most = most
        self.period = period
        self._clock = clock
        self._lock = threading.Lock()
        self._windows: dict[str, tuple[float, int]] = {}  # its beginning, and what was counted

    def take(self, key: str) -> float:
        """Count one request; 0 when it may be served, else the seconds to wait."""
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
        # When none is over, the oldest: a flood from ever new addresses is not held up here.
        for key in over or list(self._windows)[: MOST_REMEMBERED // 10]:
            del self._windows[key]
