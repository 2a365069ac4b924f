"""How much processor time a flow costs, over all processes that serve it.

Throughput depends on who else uses the machine, processor time hardly does: on a
busy machine it is the figure to compare.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from compose.supervisor import Supervisor, SupervisorError, process_tree

TICKS: Final = os.sysconf("SC_CLK_TCK")


class Stopwatch:
    """Processor time since it was made, in seconds: the platform's processes, ours, and `others`.

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
        # A child that has ended is counted by its parent, under the last two of the four.
        trees = {pid for root in self._pids for pid in process_tree(root)}
        return sum(sum(_times(pid)) for pid in trees) / TICKS


def _times(pid: int) -> list[int]:
    """utime, stime, cutime and cstime of proc(5), in ticks."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return []
    return [int(field) for field in stat.rpartition(")")[2].split()[11:15]]
