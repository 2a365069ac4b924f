"""The generation of credentials with which each open connection of this process logged in."""

from __future__ import annotations

import threading
import weakref
from collections import Counter
from collections.abc import Callable
from typing import Any

import psycopg

from cluster.secrets.leases import Credentials

Connection = psycopg.Connection[Any]


class ConnectionTracker:
    """Counts connections by generation, without keeping any of them alive."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._generations: weakref.WeakKeyDictionary[Connection, int] = weakref.WeakKeyDictionary()
        self._opening: Counter[int] = Counter()

    def opened_by(
        self, log_in: Callable[[Credentials], Connection], credentials: Credentials
    ) -> Connection:
        """Open a connection and count it, from before the attempt.

        The lease of a login in progress must not be revoked.
        """
        generation = credentials.generation
        with self._lock:
            self._opening[generation] += 1
        try:
            connection = log_in(credentials)
            with self._lock:
                self._generations[connection] = generation
            return connection
        finally:
            with self._lock:
                self._opening[generation] -= 1

    def generation(self, connection: Connection) -> int | None:
        with self._lock:
            return self._generations.get(connection)

    def in_use(self, generation: int) -> bool:
        """Return whether a connection of this generation is open or being opened."""
        with self._lock:
            return self._opening[generation] > 0 or any(
                known == generation and not connection.closed
                for connection, known in self._generations.items()
            )
