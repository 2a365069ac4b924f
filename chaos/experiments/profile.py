"""How checkouts are handed in while an experiment runs."""

from __future__ import annotations

import enum


class Profile(enum.StrEnum):
    """The kinds of load; see `chaos/experiments/load.py`."""

    STEADY = "steady"  # all of them succeed when nothing is in their way
    MIXED = "mixed"  # every outcome in turn: declined, sold out, silent and late providers
    RETRY_STORM = "retry-storm"  # the same checkouts again and again, by many threads at once
    FLASH_SALE = "flash-sale"  # many buyers at once, few items
    POISON = "poison"  # some buyers are such that orders cannot apply their command

    @property
    def is_burst(self) -> bool:
        """Whether all of it is handed in at once, as fast as it goes."""
        return self in {Profile.RETRY_STORM, Profile.FLASH_SALE}
