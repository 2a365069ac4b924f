"""What was healed, when and by whom: lines of `chaos/healed.jsonl` in the run directory.

A file, since the databases may be what was broken. Reports read from it that it was the
watchdog that healed a fault, and not whoever had injected it.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import Final

import msgspec

from cluster.health.armed_faults import ArmedFault, new_armed_fault
from config.environment import run_directory

MOST_BYTES: Final = 256 * 1024  # about a thousand heals; then the older half goes
ROLLBACK: Final = "rollback"
WATCHDOG: Final = "watchdog"


class Healed(msgspec.Struct, frozen=True, kw_only=True):
    """One heal. `at` is in seconds of the epoch; `by` is "rollback", "watchdog" or "command"."""

    id: str
    fault: str
    target: str
    run: str
    at: float
    by: str
    words: str


class HealedLog:
    """The file of heals; safe for any number of processes."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or run_directory() / "chaos" / "healed.jsonl"

    def note(self, armed: ArmedFault, *, by: str, words: str) -> None:
        """Append one line, and drop the older half of a file that has grown too long."""
        line = msgspec.json.encode(
            Healed(
                id=armed.id,
                fault=armed.fault,
                target=armed.target,
                run=armed.run,
                at=time.time(),
                by=by,
                words=words,
            )
        )
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if os.fstat(file.fileno()).st_size > MOST_BYTES:
                lines = file.read().splitlines(keepends=True)
                file.truncate(0)
                file.writelines(lines[len(lines) // 2 :])
            file.write(line + b"\n")

    def note_repair(self, *, fault: str, target: str, words: str) -> None:
        """Note what the watchdog has done of its own accord, where nobody had injected a fault."""
        armed = new_armed_fault(fault=fault, target=target, seconds=1.0, actor=WATCHDOG)
        self.note(armed, by=WATCHDOG, words=words)

    def all(self) -> list[Healed]:
        """Every heal that is still noted, oldest first."""
        try:
            lines = self.path.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        found = []
        for line in lines:
            try:
                found.append(msgspec.json.decode(line, type=Healed))
            except msgspec.MsgspecError:  # half a line, on a disk that was full
                continue
        return found

    def of(self, identifier: str) -> Healed | None:
        """How one armed fault was healed first; None when it was not, or long ago."""
        return next((healed for healed in self.all() if healed.id == identifier), None)
