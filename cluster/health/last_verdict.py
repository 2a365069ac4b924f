"""The last verdict of the checkers, in a file: the baseline of the next experiment.

An experiment that begins to break something forgets it, so that a run which dies leaves none.
"""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

import msgspec

from cluster.health.checkers.verify import Verdict
from compose.run_directory import write_private
from config.environment import run_directory


class LastVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict given at `at`, in seconds of the epoch, for `by`: a run or a command, by name."""

    at: float
    by: str
    clean: bool


def keep_verdict(verdict: Verdict, *, by: str) -> None:
    """Keep a verdict that was given now, in place of the one before it."""
    kept = LastVerdict(at=time.time(), by=by, clean=verdict.clean)
    with suppress(OSError):  # a disk that is full or read-only
        _file().parent.mkdir(parents=True, exist_ok=True)
        write_private(_file(), msgspec.json.encode(kept).decode())


def last_verdict() -> LastVerdict | None:
    """Return the last verdict, or None when there is none or its file cannot be read."""
    try:
        return msgspec.json.decode(_file().read_bytes(), type=LastVerdict)
    except (OSError, msgspec.MsgspecError):
        return None


def forget_verdict() -> None:
    """Let the next experiment begin without a baseline, unless a new verdict is kept."""
    _file().unlink(missing_ok=True)


def _file() -> Path:
    return run_directory() / "chaos" / "verdict.json"
