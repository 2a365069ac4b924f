"""The delay before a dead process is started again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from config.waiting import back_off

FIRST: Final = 0.1  # seconds; PostgreSQL's dead backends need about this long to leave
LONGEST: Final = 5.0  # seconds; a person waits this long without suspecting a fault
GOOD_LIFE: Final = 10.0  # seconds; after a life this long, early deaths are counted from 0 again


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
        return back_off(self.early_deaths, first=FIRST, longest=LONGEST)
