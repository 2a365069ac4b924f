"""A supervised process: its description, and the delay before it is started again."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from config.environment import ROOT
from config.waiting import back_off

FIRST_DELAY: Final = 0.1  # seconds; PostgreSQL's dead backends need about this long to leave
LONGEST_DELAY: Final = 5.0  # seconds; a person waits this long without suspecting a fault
GOOD_LIFE: Final = 10.0  # seconds; after a life this long, early deaths are counted from 0 again


@dataclass(frozen=True)
class Process:
    """One supervised process.

    `patience` is how many seconds it gets between its stop signal and SIGKILL.
    Processes stop in rising `stop_phase`, all of one phase at once. One that is
    `slow_to_stop` gets its signal before the first phase, and no phase waits for it.
    The whole stop has ten seconds.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path = ROOT
    stop_signal: signal.Signals = signal.SIGTERM
    patience: float = 3.0
    stop_phase: int = 0
    slow_to_stop: bool = False
    is_server: bool = False


@dataclass
class Backoff:
    """The number of early deaths in a row. No number of them ends the restarts."""

    early_deaths: int = 0

    def delay_after(self, lifetime: float) -> float:
        """Return the seconds to wait after a process that lived for `lifetime` seconds."""
        if lifetime >= GOOD_LIFE:
            self.early_deaths = 0
            return 0.0
        self.early_deaths += 1
        return back_off(self.early_deaths, first=FIRST_DELAY, longest=LONGEST_DELAY)
