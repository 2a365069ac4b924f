"""A product's name and price, changed only by an editor who knows the present version.

Without any I/O.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Description:
    """A product's name and price in pence, in which `version` counts its announcements."""

    sku: str
    name: str
    price: int
    version: int

    def amend(self, *, expected_version: int, name: str, price: int) -> Description | None:
        """Return the next version, or None when the editor expected another one than this."""
        if expected_version != self.version:
            return None
        return Description(self.sku, name, price, self.version + 1)
