"""One round of the watchdog: it heals expired faults, and tries again those that failed.

It reads only the files of armed faults. So it needs no database, no broker and no web
server, and nothing is lost when it is killed: the next watchdog finds the same files.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from chaos.faults.engine import Engine, NotHealed
from chaos.faults.healed import WATCHDOG
from cluster.health.armed_faults import ArmedFault, ArmedFaults
from config.waiting import back_off

FIRST_PAUSE: Final = 0.25  # seconds after the first attempt that failed
LONGEST_PAUSE: Final = 4.0  # seconds between two attempts, at most
log = logging.getLogger("watchdog")


@dataclass
class _HealTask:
    """One armed fault that is being healed: its thread, and the number of failures."""

    thread: threading.Thread
    failures: int = 0
    next_at: float = 0.0  # monotonic seconds


class Watchdog:
    """Heals expired faults, one round for each call of `look`, for one thread."""

    def __init__(self, *, armed: ArmedFaults, make_engine: Callable[[], Engine]) -> None:
        self._armed = armed
        self._make_engine = make_engine
        self._patients: dict[str, _HealTask] = {}

    def look(self) -> None:
        """Begin to heal the expired faults.

        Each in a thread of its own: one heal may wait for a server that another heal resumes.
        """
        armed = self._armed.all()
        for gone in self._patients.keys() - {fault.id for fault in armed}:
            del self._patients[gone]
        for fault in armed:
            if fault.expired and self._is_due(fault):
                self._begin(fault)

    def wait(self) -> None:
        """Return when no heal is in progress."""
        for patient in list(self._patients.values()):
            patient.thread.join()

    def _is_due(self, fault: ArmedFault) -> bool:
        patient = self._patients.get(fault.id)
        if patient is None:
            return True
        return not patient.thread.is_alive() and time.monotonic() >= patient.next_at

    def _begin(self, fault: ArmedFault) -> None:
        failures = self._patients[fault.id].failures if fault.id in self._patients else 0
        thread = threading.Thread(target=self._heal, args=(fault,), daemon=True)
        self._patients[fault.id] = _HealTask(thread, failures)
        thread.start()

    def _heal(self, fault: ArmedFault) -> None:
        patient = self._patients[fault.id]
        try:
            words = self._make_engine().heal(fault, by=WATCHDOG)
        except Exception as error:  # noqa: BLE001  (it tries again after any error)
            patient.failures += 1
            pause = back_off(patient.failures, first=FIRST_PAUSE, longest=LONGEST_PAUSE)
            patient.next_at = time.monotonic() + pause
            said = error if isinstance(error, NotHealed) else repr(error)
            log.warning("%s (attempt %d, next in %.2f s)", said, patient.failures, pause)
        else:
            late = time.time() - fault.until
            log.info("healed %s on %s, %.2f s late: %s", fault.fault, fault.target, late, words)
