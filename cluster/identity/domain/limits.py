"""The spending limit of a visitor, and the hold that a checkout takes on it, without any I/O."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from typing import Final

DEFAULT_LIMIT: Final = 100_000  # pence


class HoldState(enum.StrEnum):
    """The state of a hold, of which all but HELD are final."""

    HELD = "held"
    REFUSED = "refused"
    RELEASED = "released"
    SPENT = "spent"


@dataclass(frozen=True, slots=True)
class Limit:
    """The spending limit of a visitor, in pence.

    `held` and `spent` together never exceed `amount`.
    """

    visitor: str
    amount: int = DEFAULT_LIMIT
    held: int = 0
    spent: int = 0

    @property
    def free(self) -> int:
        return self.amount - self.held - self.spent

    def hold(self, amount: int) -> Limit | None:
        """Return the limit with `amount` set aside, or None when that much is not free."""
        return replace(self, held=self.held + amount) if 0 < amount <= self.free else None

    def release(self, amount: int) -> Limit:
        return replace(self, held=self.held - amount)

    def spend(self, amount: int) -> Limit:
        """Return the limit with a hold turned into spending."""
        return replace(self, held=self.held - amount, spent=self.spent + amount)

    def restore(self, amount: int) -> Limit:
        """Return the limit with spending taken back, after a refund."""
        return replace(self, spent=self.spent - amount)


@dataclass(frozen=True, slots=True)
class Hold:
    """An amount of a visitor's limit that one checkout has set aside."""

    visitor: str
    amount: int
    state: HoldState
    version: int
