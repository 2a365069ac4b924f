"""The usage of this machine's processes and their children, by one scan of /proc for all."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

TICKS: Final = os.sysconf("SC_CLK_TCK")
PAGE: Final = os.sysconf("SC_PAGE_SIZE")  # bytes
PROC: Final = Path("/proc")
# Positions in /proc/PID/stat after the name in brackets, counted from 0; see proc(5).
PARENT, USER_TIME, SYSTEM_TIME, STARTED, RESIDENT = 1, 11, 12, 19, 21


@dataclass(frozen=True, slots=True)
class Usage:
    """One process with all its descendants: per cent of one core, and resident bytes.

    Of memory that a child shares with others, PostgreSQL's buffers above all, nothing is
    counted: the parent has it already.
    """

    cpu_percent: float | None
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class _Stat:
    parent: int
    ticks: int
    resident: int


@dataclass(slots=True)
class UsageScan:
    """Repeated scans, where the share of a core is that since the last scan."""

    _ticks: dict[int, int] = field(default_factory=dict)
    _at: float = 0.0

    def scan(self, pids: Iterable[int]) -> dict[int, Usage]:
        """Return the usage of each of these processes that exists."""
        now = time.monotonic()
        stats = _stats()
        children: dict[int, list[int]] = {}
        for pid, stat in stats.items():
            children.setdefault(stat.parent, []).append(pid)
        passed = now - self._at
        found: dict[int, Usage] = {}
        for pid in pids:
            if pid not in stats:
                continue
            family = list(_family(pid, children))
            # By member, since the ticks of a child that has ended are gone: never below 0.
            ticks = sum(
                max(0, stats[member].ticks - self._ticks.get(member, 0))
                for member in family
                if member in self._ticks
            )
            known = pid in self._ticks and passed > 0
            found[pid] = Usage(
                cpu_percent=round(100 * ticks / TICKS / passed, 1) if known else None,
                memory_bytes=PAGE * (stats[pid].resident + sum(map(_unshared, family[1:]))),
            )
        self._ticks = {pid: stat.ticks for pid, stat in stats.items()}
        self._at = now
        return found


def started_at(pid: int) -> float | None:
    """Return a process's start, in seconds of the epoch to a hundredth, or None if it is gone."""
    fields = _fields(pid)
    if fields is None:
        return None
    since_boot = time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.time() - since_boot + int(fields[STARTED]) / TICKS


def _family(pid: int, children: Mapping[int, list[int]]) -> Iterable[int]:
    yield pid
    for child in children.get(pid, ()):
        yield from _family(child, children)


def _stats() -> dict[int, _Stat]:
    found: dict[int, _Stat] = {}
    for name in os.listdir(PROC):  # noqa: PTH208  (a thousand paths would be made for nothing)
        if not name.isdigit():
            continue
        fields = _fields(int(name))
        if fields is not None:
            found[int(name)] = _Stat(
                parent=int(fields[PARENT]),
                ticks=int(fields[USER_TIME]) + int(fields[SYSTEM_TIME]),
                resident=int(fields[RESIDENT]),
            )
    return found


def _unshared(pid: int) -> int:
    """Return the number of pages that a process does not share, 0 when it is gone."""
    try:
        with open(f"/proc/{pid}/statm", "rb", buffering=0) as file:  # noqa: PTH123
            resident, shared = map(int, file.read(256).split()[1:3])
    except (OSError, ValueError):
        return 0
    return resident - shared


def _fields(pid: int) -> list[bytes] | None:
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:  # noqa: PTH123
            text = file.read(1024)
    except OSError:
        return None
    return text.rpartition(b")")[2].split()
