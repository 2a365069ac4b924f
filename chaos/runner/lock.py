"""The run lock: one experiment at a time on a machine, by a file lock that ends with its holder."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from compose.lock import Lock, holder
from config.environment import run_directory

LOOK_EVERY: Final = 0.25  # seconds


class RunLock:
    """The right to break things, for which the runner and every command line compete."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or lock_file()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._lock: Lock | None = None

    def take(self, *, who: str, waiting: Callable[[str], None] = lambda _who: None) -> None:
        """Wait for the lock and take it.

        `waiting` is called with each other holder's name, once.
        """
        told = None
        while not self.try_to_take(who=who):
            other = _who(holder(self.path))
            if other != told:
                waiting(other)
                told = other
            time.sleep(LOOK_EVERY)

    def try_to_take(self, *, who: str) -> bool:
        """Take the lock if it is free, and return whether it was."""
        lock = Lock(self.path)
        if not lock.acquire():
            lock.close()
            return False
        lock.describe(who=who, pid=os.getpid())
        self._lock = lock
        return True

    def release(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def lock_file() -> Path:
    return run_directory() / "chaos" / "run.lock"


def _who(facts: dict[str, Any] | None) -> str:
    return str((facts or {}).get("who") or "somebody")
