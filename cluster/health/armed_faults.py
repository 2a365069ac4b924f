"""What is broken at this moment, in files that outlive every process that could forget it.

A fault is armed *before* it is injected: a file in the run directory says what will be broken
and until when. Whoever injected it heals it and disarms it; if that process dies, the watchdog
finds the file and heals the fault when its time is up. Without databases and without a broker,
since those are what is broken.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import msgspec

from cluster.messaging.envelope import new_message_id
from compose.run_directory import write_private
from config.environment import run_directory

LONGEST: Final = 60.0  # seconds; no hard fault lives longer
CLOCK_JITTER: Final = 1.0  # seconds by which two looks at the clock may disagree


class ArmedFault(msgspec.Struct, frozen=True, kw_only=True):
    """One fault that is, or may be, in force. Moments are seconds of the epoch.

    `parameters` are the fault's own, such as milliseconds; `run` is the experiment run that
    it belongs to, empty for one by hand; `actor` says who wanted it.
    """

    id: str
    fault: str
    target: str
    parameters: dict[str, Any] = {}
    armed_at: float
    until: float
    actor: str
    run: str = ""

    @property
    def expired(self) -> bool:
        """Whether its time is up; also where the clock was set back to before its beginning."""
        return not self.armed_at - CLOCK_JITTER <= time.time() < self.until


def new_armed_fault(
    *,
    fault: str,
    target: str,
    seconds: float,
    actor: str,
    parameters: dict[str, Any] | None = None,
    run: str = "",
) -> ArmedFault:
    """A record of a fault that begins now; its life is cut to LONGEST."""
    now = time.time()
    return ArmedFault(
        id=str(new_message_id()),
        fault=fault,
        target=target,
        parameters=parameters or {},
        armed_at=now,
        until=now + min(seconds, LONGEST),
        actor=actor,
        run=run,
    )


class ArmedFaults:
    """The folder of armed faults; safe for any number of processes."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or run_directory() / "chaos" / "armed"

    def arm(self, fault: ArmedFault) -> None:
        """Write it down, on the disk, before anything is broken."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_private(self._file(fault.id), msgspec.json.encode(fault).decode())
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def disarm(self, identifier: str) -> None:
        """Forget a fault that is healed; nothing when another process was first."""
        self._file(identifier).unlink(missing_ok=True)

    def has(self, identifier: str) -> bool:
        """Whether it is armed still."""
        return self._file(identifier).exists()

    def all(self) -> list[ArmedFault]:
        """Every armed fault, oldest first. A file that cannot be read is left for a person."""
        found = []
        for path in sorted(self.folder.glob("*.json")):
            try:
                found.append(msgspec.json.decode(path.read_bytes(), type=ArmedFault))
            except (FileNotFoundError, msgspec.MsgspecError):
                continue
        return sorted(found, key=lambda fault: fault.armed_at)

    def _file(self, identifier: str) -> Path:
        return self.folder / f"{UUID(identifier)}.json"
