"""Processes of a platform whose supervisor has died: found by a mark, and stopped by pid.

Every process that the supervisor starts carries `MARK=<run directory>` in its
environment. A shell that merely exports PORTFOLIO_RUN_DIR does not.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from config.waiting import wait_until

MARK: Final = "PORTFOLIO_SUPERVISED"
_POLL: Final = 0.05  # seconds
_ROUNDS: Final = 5  # of stopping; even a grandchild of a dying process is rare


def find(run_directory: Path, *, data_directories: Sequence[Path] = ()) -> list[int]:
    """Return the pids of live processes that belong to this run directory, never our own.

    `data_directories` name those of PostgreSQL: it runs as another user, whose
    environment even root cannot read in some containers, so that its command line decides.
    """
    mark = f"{MARK}={run_directory}".encode()
    folders = {str(folder).encode() for folder in data_directories}
    ours = {os.getpid(), os.getppid()}
    return [
        pid
        for pid in (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())
        if pid not in ours and _is_alive(pid) and _is_marked(pid, mark, folders)
    ]


def stop_all(
    run_directory: Path, *, data_directories: Sequence[Path] = (), patience: float = 5.0
) -> None:
    """Stop processes until none is left, since one that is ending may still start another."""
    for _ in range(_ROUNDS):
        pids = find(run_directory, data_directories=data_directories)
        if not pids:
            return
        stop(pids, patience=patience)


def stop(pids: Iterable[int], *, patience: float = 5.0) -> None:
    """Ask each process to end, wait `patience` seconds, then kill those that are left."""
    remaining = list(pids)
    for pid in remaining:
        send_signal(pid, signal.SIGCONT)  # a paused process cannot end
        # SIGTERM lets PostgreSQL wait for its clients; SIGINT does not.
        send_signal(pid, signal.SIGINT if _program(pid) == "postgres" else signal.SIGTERM)
    remaining = wait_until_gone(remaining, patience=patience)
    for pid in remaining:
        send_signal(pid, signal.SIGKILL)
    wait_until_gone(remaining, patience=patience)


def wait_until_gone(pids: Iterable[int], *, patience: float) -> list[int]:
    """Wait for processes to end, and return those that have not after `patience` seconds."""
    remaining = list(pids)

    def are_gone() -> bool:
        # Only those that were alive before: another process may have got the pid of one that ended.
        remaining[:] = [pid for pid in remaining if _is_alive(pid)]
        return not remaining

    wait_until(are_gone, within=patience, every=_POLL)
    return remaining


def _is_marked(pid: int, mark: bytes, folders: set[bytes]) -> bool:
    if mark in _read(pid, "environ").split(b"\0"):
        return True
    return bool(folders) and not folders.isdisjoint(_read(pid, "cmdline").split(b"\0"))


def _is_alive(pid: int) -> bool:
    """Return whether the process runs. A zombie has ended and waits for its parent to reap it."""
    status = _read(pid, "stat").rpartition(b")")[2].split()
    return bool(status) and status[0] not in (b"Z", b"X")


def _program(pid: int) -> str:
    return Path(os.fsdecode(_read(pid, "cmdline").split(b"\0")[0])).name


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:  # it has ended, or is not ours to read
        return b""


def send_signal(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process, which may have ended by now."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)
