"""Liveness: a worker that runs and does no work is replaced.

Connected and not consuming, or stuck: its process exists, so nobody starts another one. The
observer tells such a worker from one that waits for its broker or its database; what stays
unhealthy for long is ended, and the engine that runs the platform starts a new one.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from chaos.drivers.driver import DriverError
from chaos.observer.snapshot import Process, Snapshot

logger = logging.getLogger("watchdog")

BOUND: Final = 10.0  # seconds that a worker may be unhealthy while it runs
PAUSE: Final = 60.0  # seconds until the same worker may be replaced once more


class Replacement:
    """Follows the observer's snapshots and has idle workers restarted. For one thread."""

    def __init__(
        self,
        *,
        restart: Callable[[str], str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._restart = restart
        self._clock = clock
        self._unwell: dict[str, float] = {}  # since when, by name
        self._replaced: dict[str, float] = {}

    def look(self, snapshot: Snapshot | None) -> list[str]:
        """Begin to replace those whose time is up; their names.

        Nobody is judged while the observer is away, nor while something is broken on purpose:
        that is healed by its own clock.
        """
        if snapshot is None or snapshot.faults:
            self._unwell.clear()
            return []
        now = self._clock()
        idle = {process.name for process in snapshot.processes if _is_idle(process)}
        self._unwell = {name: self._unwell.get(name, now) for name in idle}
        due = [
            name
            for name, since in self._unwell.items()
            if now - since >= BOUND and now - self._replaced.get(name, -PAUSE) >= PAUSE
        ]
        for name in due:
            self._replaced[name] = now
            # A stop may take seconds, for which faults must not wait.
            threading.Thread(target=self._replace, args=(name,), daemon=True).start()
        return due

    def _replace(self, name: str) -> None:
        logger.warning("%s runs and has done no work for %.0f s: it is replaced", name, BOUND)
        try:
            self._restart(name)
        except DriverError as error:
            logger.warning("%s cannot be replaced: %s", name, error)


def _is_idle(process: Process) -> bool:
    return process.kind == "worker" and process.status == "running" and process.healthy is False
