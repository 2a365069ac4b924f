"""A limit of how many clients use a part of this process at the same time, with a share for each.

A rate limiter counts what has begun in a window of time, this one what has not ended. Its count is
in the memory of one process, as are the threads and sockets that it protects: a process that dies
takes both with it, and no count is left behind in a store.
"""

from __future__ import annotations

import threading
from collections import Counter


class NoneFree(Exception):
    """As many as allowed are in use by all clients together."""


class ShareUsed(NoneFree):
    """As many as one client may have are in use by this one."""


class ConcurrencyLimiter:
    """A limit of `most` uses at the same time, of which one client has at most `share`."""

    def __init__(self, most: int, share: int) -> None:
        self.most = most
        self.share = share
        self._used: Counter[str] = Counter()
        self._released = threading.Condition()

    def acquire(self, client: str, timeout: float = 0.0) -> None:
        """Begin one use, after at most `timeout` seconds.

        An empty client has no share. Raises NoneFree or ShareUsed.
        """
        with self._released:
            if not self._released.wait_for(lambda: self._refusal(client) is None, timeout):
                raise self._refusal(client) or NoneFree
            self._used[client] += 1

    def release(self, client: str) -> None:
        """End one use of this client."""
        with self._released:
            self._used[client] -= 1
            if not self._used[client]:
                del self._used[client]
            self._released.notify_all()

    def _refusal(self, client: str) -> NoneFree | None:
        if client and self._used[client] >= self.share:
            return ShareUsed()
        return NoneFree() if self._used.total() >= self.most else None
