"""One platform per run directory: a lock that ends with the processes that hold it."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import Any


class Lock:
    """An advisory lock on a file, shared with the supervisor by inheriting `descriptor`.

    The kernel releases it when the last process that holds it ends, however it
    ends. The file's text names the holder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def acquire(self) -> bool:
        """Take the lock, or return False when another process has it."""
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def describe(self, **facts: object) -> None:
        """Write who holds the lock, for a process that finds it taken."""
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, json.dumps(facts).encode(), 0)

    def close(self) -> None:
        """Release the lock here, while a process that inherited the descriptor still holds it."""
        os.close(self.descriptor)


def holder(path: Path) -> dict[str, Any] | None:
    """Return the facts that the lock's holder wrote about itself, or None without a holder."""
    if not path.exists():
        return None
    lock = Lock(path)
    try:
        if lock.acquire():
            return None
        text = os.pread(lock.descriptor, 4096, 0)
        facts: dict[str, Any] = json.loads(text) if text else {}
    except ValueError:
        return {}
    else:
        return facts
    finally:
        lock.close()
