"""A sign of life that needs no server: the modification time of a file of the run directory.

For processes that answer no requests and have no database of their own. A process gives the sign
from the loop that does its work, so that the observer notices a loop which stands still.
"""

from __future__ import annotations

from contextlib import suppress

from config.environment import run_directory


class SignOfLife:
    """The sign of one process, given by it and read by the observer."""

    def __init__(self, process: str) -> None:
        self._file = run_directory() / "signs" / process

    def give(self) -> None:
        """Touch the file, ignoring a disk that is full or read-only."""
        with suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.touch()

    def given_at(self) -> float | None:
        """Return when it was last given, in seconds of the epoch, or None for never."""
        try:
            return self._file.stat().st_mtime
        except OSError:
            return None
