"""The faults in force, as files that outlive every process.

A fault is armed *before* it is injected: a file in the run directory says what will be broken
and until when. The process that injected it heals and disarms it. If that process dies, the
watchdog finds the file and heals the fault when its time is up. Neither needs a database or
a broker, since those may be what is broken.
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
CLOCK_JITTER: Final = 1.0  # seconds by which two readings of the clock may disagree


class ArmedFault(msgspec.Struct, frozen=True, kw_only=True):
    """One fault that is, or may be, in force. Moments are seconds of the epoch.

    `parameters` are the fault's own, such as milliseconds. `run` is the experiment run that
    it belongs to, empty for one by hand. `lasts` is false for a fault that is over once it is
    injected. `actor` names the person or program that injected it.
    """

    id: str
    fault: str
    target: str
    parameters: dict[str, Any] = {}
    armed_at: float
    until: float
    actor: str
    run: str = ""
    lasts: bool = True

    @property
    def expired(self) -> bool:
        """Return whether its time is up, also if the clock was set back to before its beginning."""
        return not self.armed_at - CLOCK_JITTER <= time.time() < self.until


def new_armed_fault(
    *,
    fault: str,
    target: str,
    seconds: float,
    actor: str,
    parameters: dict[str, Any] | None = None,
    run: str = "",
    lasts: bool = True,
) -> ArmedFault:
    """Return a record of a fault that begins now and lasts at most LONGEST seconds."""
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
        lasts=lasts,
    )


class ArmedFaults:
    """The folder of armed faults, safe for any number of processes."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or run_directory() / "chaos" / "armed"

    def arm(self, fault: ArmedFault) -> None:
        """Write the fault to the disk, before anything is broken."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_private(self._file(fault.id), msgspec.json.encode(fault).decode())
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def disarm(self, identifier: str) -> None:
        """Remove a fault that is healed, unless another process was first."""
        self._file(identifier).unlink(missing_ok=True)

    def has(self, identifier: str) -> bool:
        """Return whether the fault is still armed."""
        return self._file(identifier).exists()

    def all(self) -> list[ArmedFault]:
        """Return all armed faults, oldest first. An unreadable file is left for a person."""
        found = []
        for path in sorted(self.folder.glob("*.json")):
            try:
                found.append(msgspec.json.decode(path.read_bytes(), type=ArmedFault))
            except (FileNotFoundError, msgspec.MsgspecError):
                continue
        return sorted(found, key=lambda fault: fault.armed_at)

    def _file(self, identifier: str) -> Path:
        return self.folder / f"{UUID(identifier)}.json"
