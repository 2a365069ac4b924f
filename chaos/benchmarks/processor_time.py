"""Processor time of a flow, over all processes that serve it.

Other work on the machine changes throughput, and hardly changes processor time: on a busy
machine, this is the figure to compare.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from compose.supervisor import Supervisor, SupervisorError, process_tree

TICKS: Final = os.sysconf("SC_CLK_TCK")


class Stopwatch:
    """The processor seconds since it was made: of the platform, this process, and `others`.

    None when the platform is supervised elsewhere, where its processes cannot be seen.
    """

    def __init__(self, others: Sequence[int] = ()) -> None:
        try:
            platform = [found.pid for found in Supervisor.connect().processes() if found.pid]
        except SupervisorError:
            platform = []
        self._pids = [*platform, *others, os.getpid()] if platform else []
        self._start = self._spent()

    def seconds(self) -> float | None:
        return self._spent() - self._start if self._pids else None

    def _spent(self) -> float:
        # The last two of the four hold the time of children that have ended.
        trees = {pid for root in self._pids for pid in process_tree(root)}
        return sum(sum(_times(pid)) for pid in trees) / TICKS


def _times(pid: int) -> list[int]:
    """Return utime, stime, cutime and cstime of proc(5), in ticks."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return []
    return [int(field) for field in stat.rpartition(")")[2].split()[11:15]]
