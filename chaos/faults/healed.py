"""The log of heals, with moment and healer: lines of `chaos/healed.jsonl` in the run directory.

It is a file, since the databases may be broken. Reports read from it whether the watchdog
healed a fault, or its rollback or a command did.
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

MOST_BYTES: Final = 256 * 1024  # about a thousand heals: beyond it, the older half is dropped
ROLLBACK: Final = "rollback"
WATCHDOG: Final = "watchdog"


class Healed(msgspec.Struct, frozen=True, kw_only=True):
    """One heal, `at` in seconds of the epoch, `by` "rollback", "watchdog" or "command"."""

    id: str
    fault: str
    target: str
    run: str
    at: float
    by: str
    words: str


class HealedLog:
    """The file of heals, safe for any number of processes."""

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
        """Record a repair that the watchdog made without an injected fault."""
        armed = new_armed_fault(fault=fault, target=target, seconds=1.0, actor=WATCHDOG)
        self.note(armed, by=WATCHDOG, words=words)

    def all(self) -> list[Healed]:
        """Return every heal that is still in the file, oldest first."""
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
        """Return the first heal of an armed fault, or None when there is none in the file."""
        return next((healed for healed in self.all() if healed.id == identifier), None)
