"""The kinds of load while an experiment runs."""

from __future__ import annotations

import enum


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
