"""The method of an experiment: its faults, and the kinds of load meanwhile."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from cluster.health.armed_faults import LONGEST

# An armed fault outlives its planned end by this much, so that the method heals it in time.
GRACE: Final = 5.0  # seconds


@dataclass(frozen=True, slots=True)
class Step:
    """One fault of the method.

    `at` counts in seconds from the first injection. `seconds` is the time from the injection
    until the method heals it; None for a fault that is over at once, such as a kill.
    """

    fault: str
    target: str
    seconds: float | None = None
    at: float = 0.0
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ends(self) -> float:
        return self.at + (self.seconds or 0.0)

    @property
    def life(self) -> float:
        """The seconds for which it is armed: after them, the watchdog heals it."""
        return LONGEST if self.seconds is None else min(LONGEST, self.seconds + GRACE)


class Profile(enum.StrEnum):
    """The kinds of load (see `chaos/experiments/load.py`)."""

    STEADY = "steady"  # all of them succeed when nothing fails
    MIXED = "mixed"  # every outcome in turn: declined, sold out, silent and late providers
    RETRY_STORM = "retry-storm"  # the same checkouts again and again, by many threads at once
    FLASH_SALE = "flash-sale"  # many buyers at once, few items
    POISON = "poison"  # the service orders cannot apply the commands of some buyers

    @property
    def is_burst(self) -> bool:
        """True when all of its checkouts are started at once, at full speed."""
        return self in {Profile.RETRY_STORM, Profile.FLASH_SALE}
