"""Liveness: a worker that runs and does no work is replaced.

It is connected and not consuming, stuck, or has a queue that does not move. Its process
exists, so the supervisor starts no other one. The observer distinguishes such a worker
from one that waits for its broker or its database. The watchdog ends a worker that stays
unhealthy for long, and the engine that runs the platform starts a new one. Where that
does not help, the watchdog repeats it, each time after twice as long a pause.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from chaos.drivers.driver import DriverError
from cluster.health.observer.snapshot import Process, Snapshot
from config.waiting import back_off

logger = logging.getLogger("watchdog")

NAME: Final = "no-progress"  # its name in the log of heals
BOUND: Final = 10.0  # seconds that a worker may be unhealthy while it runs
PAUSE: Final = 60.0  # seconds until the same worker may be replaced once more
LONGEST_PAUSE: Final = 960.0  # seconds; so long after a pause, the count starts again


@dataclass(frozen=True, slots=True)
class _Replaced:
    """The last replacement of a worker, and the number of replacements in a row."""

    at: float
    times: int

    @property
    def pause(self) -> float:
        return back_off(self.times, first=PAUSE, longest=LONGEST_PAUSE)


class Replacement:
    """Follows the observer's snapshots and has idle workers restarted, for one thread.

    `note` records a replacement: the worker, and a sentence.
    """

    def __init__(
        self,
        *,
        restart: Callable[[str], str],
        note: Callable[[str, str], None] = lambda _worker, _words: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._restart = restart
        self._note = note
        self._clock = clock
        self._unwell: dict[str, float] = {}  # since when, by name
        self._replaced: dict[str, _Replaced] = {}

    def look(self, snapshot: Snapshot | None) -> list[str]:
        """Begin to replace the workers that are due, and return their names.

        No worker is judged while the observer is away, nor while a fault is armed: faults have a
        time limit of their own.
        """
        if snapshot is None or snapshot.faults:
            self._unwell.clear()
            return []
        now = self._clock()
        idle = {one.name: one.words for one in snapshot.processes if _is_idle(one)}
        self._unwell = {name: self._unwell.get(name, now) for name in idle}
        # The observer reports a stall only after a time limit of its own.
        stalled = {stall.worker for stall in snapshot.stalls}
        due = [
            name
            for name, since in self._unwell.items()
            if (now - since >= BOUND or name in stalled) and self._may_again(name, now)
        ]
        for name in due:
            before = self._replaced.get(name)
            self._replaced[name] = _Replaced(now, before.times + 1 if before else 1)
            # In a thread, since a stop may take seconds, and the watchdog's heals must not wait.
            threading.Thread(target=self._replace, args=(name, idle[name]), daemon=True).start()
        return due

    def _may_again(self, name: str, now: float) -> bool:
        before = self._replaced.get(name)
        if before is None:
            return True
        if now - before.at >= before.pause + LONGEST_PAUSE:
            del self._replaced[name]  # the last replacement has helped for a long time
            return True
        return now - before.at >= before.pause

    def _replace(self, name: str, why: str) -> None:
        logger.warning("%s runs and does no work, so it is replaced: %s", name, why)
        try:
            done = self._restart(name)
        except DriverError as error:
            logger.warning("%s cannot be replaced: %s", name, error)
        else:
            self._note(name, f"{why} {done}")


def _is_idle(process: Process) -> bool:
    return process.kind == "worker" and process.status == "running" and process.healthy is False
