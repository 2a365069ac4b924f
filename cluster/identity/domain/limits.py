"""The spending limit of a visitor, and the hold that a checkout takes on it. Pure."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from typing import Final

DEFAULT_LIMIT: Final = 100_000  # pence


class HoldState(enum.StrEnum):
    """Where a hold stands. All but HELD are final."""

    HELD = "held"
    REFUSED = "refused"
    RELEASED = "released"
    SPENT = "spent"


@dataclass(frozen=True, slots=True)
class Limit:
    """What a visitor may spend, in pence: `held` and `spent` never exceed `amount`."""

    visitor: str
    amount: int = DEFAULT_LIMIT
    held: int = 0
    spent: int = 0

    @property
    def free(self) -> int:
        return self.amount - self.held - self.spent

    def hold(self, amount: int) -> Limit | None:
        """The limit with `amount` set aside, or None when that much is not free."""
        return replace(self, held=self.held + amount) if 0 < amount <= self.free else None

    def release(self, amount: int) -> Limit:
        return replace(self, held=self.held - amount)

    def spend(self, amount: int) -> Limit:
        """Turn a hold into spending."""
        return replace(self, held=self.held - amount, spent=self.spent + amount)

    def restore(self, amount: int) -> Limit:
        """Take spending back, after a refund."""
        return replace(self, spent=self.spent - amount)


@dataclass(frozen=True, slots=True)
class Hold:
    """An amount of a visitor's limit that one checkout has set aside."""

    visitor: str
    amount: int
    state: HoldState
    version: int
