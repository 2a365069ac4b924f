"""A product: its description, changed only from the present version, and its stock, never oversold.

Without any I/O.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final


@dataclass(frozen=True, slots=True)
class Description:
    """A product's name and price in pence, in which `version` counts its announcements.

    Only an editor who knows the present version changes it.
    """

    sku: str
    name: str
    price: int
    version: int

    def amend(self, *, expected_version: int, name: str, price: int) -> Description | None:
        """Return the next version, or None when the editor expected another one than this."""
        if expected_version != self.version:
            return None
        return Description(self.sku, name, price, self.version + 1)


# A saga compensates long before this. A reservation that is older was abandoned.
RESERVATION_LIFE: Final = timedelta(minutes=10)


class ReservationState(enum.StrEnum):
    """The state of a reservation."""

    RESERVED = "reserved"
    REFUSED = "refused"
    RELEASED = "released"
    EXPIRED = "expired"
    SOLD = "sold"


@dataclass(frozen=True, slots=True)
class Stock:
    """The items of one product: listed == available + reserved + sold, none below zero."""

    sku: str
    available: int
    reserved: int
    sold: int

    def reserve(self, quantity: int) -> Stock | None:
        """Return the stock with `quantity` set aside, or None when it has not that many."""
        if not 0 < quantity <= self.available:
            return None
        return replace(self, available=self.available - quantity, reserved=self.reserved + quantity)

    def release(self, quantity: int) -> Stock:
        return replace(self, available=self.available + quantity, reserved=self.reserved - quantity)

    def sell(self, quantity: int) -> Stock:
        """Return the stock with reserved items turned into sold ones."""
        return replace(self, reserved=self.reserved - quantity, sold=self.sold + quantity)

    def take_back(self, quantity: int) -> Stock:
        """Return the stock with sold items available again, after a refund."""
        return replace(self, sold=self.sold - quantity, available=self.available + quantity)


@dataclass(frozen=True, slots=True)
class Reservation:
    """Items that one checkout has set aside."""

    sku: str
    quantity: int
    state: ReservationState
    version: int
