"""The runner's present experiment, in a file that the observer reads and pages show.

The file outlives the site's database, which may be what is broken.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

import msgspec

from compose.run_directory import write_private
from config.environment import run_directory

Phase = Literal[
    "preparing", "steady before", "injecting", "recovering", "draining", "verifying", "ended"
]
STALE_AFTER: Final = 30.0  # seconds; the runner writes at least every few


class RunningExperiment(msgspec.Struct, frozen=True, kw_only=True):
    """The present run. Moments are ISO 8601 in UTC.

    `words` is one sentence for people, `asked_by` the public name of the visitor (a headcode,
    never a session), `waiting` the number of runs that are queued behind it, and `order` the id of
    the visitor's own checkout, empty without one.
    """

    run: str
    experiment: str
    title: str
    phase: Phase
    words: str
    began: str
    phase_began: str
    asked_by: str
    waiting: int = 0
    order: str = ""
    written_at: float = 0.0


def running_file() -> Path:
    return run_directory() / "chaos" / "running.json"


def write_running(running: RunningExperiment | None) -> None:
    """Record the present run, or with None that there is none."""
    path = running_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    if running is None:
        path.unlink(missing_ok=True)
    else:
        write_private(path, msgspec.json.encode(running).decode())


def read_running() -> RunningExperiment | None:
    """Return the present run, or None when there is none or its file cannot be read."""
    try:
        return msgspec.json.decode(running_file().read_bytes(), type=RunningExperiment)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None
