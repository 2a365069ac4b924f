"""How long a dead process waits before it is started again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

FIRST: Final = 0.1  # seconds; PostgreSQL's dead backends need about this long to leave
LONGEST: Final = 5.0  # seconds; what a person waits without wondering
GOOD_LIFE: Final = 10.0  # seconds; whoever lived this long is forgiven its earlier deaths


@dataclass
class Backoff:
    """Counts early deaths in a row; it never gives up."""

    early_deaths: int = 0

    def delay_after(self, lifetime: float) -> float:
        """Seconds to wait after a process that lived for `lifetime` seconds."""
        if lifetime >= GOOD_LIFE:
            self.early_deaths = 0
            return 0.0
        self.early_deaths += 1
        return min(FIRST * 2.0 ** (self.early_deaths - 1), LONGEST)
