"""A sign of life that needs no server: the time at which a file of the run directory was touched.

For processes that answer no requests and have no database of their own. Whoever gives the sign
does so from the loop that does its work, so that a loop which stands still is seen to.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from config.environment import run_directory


class SignOfLife:
    """The sign of one process, given by it and read by the observer."""

    def __init__(self, process: str, folder: Path | None = None) -> None:
        self._file = (folder or run_directory() / "signs") / process

    def give(self) -> None:
        """Say "I am at work". A disk that is full or read-only keeps nobody from it."""
        with suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.touch()

    def given_at(self) -> float | None:
        """When it was last given, in seconds of the epoch; None: never, on this machine."""
        try:
            return self._file.stat().st_mtime
        except OSError:
            return None
