"""What a product is called and costs, changed only by who has seen it as it is. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Description:
    """A product's name and price in pence; `version` counts what was announced about it."""

    sku: str
    name: str
    price: int
    version: int

    def amend(self, *, expected_version: int, name: str, price: int) -> Description | None:
        """The next version; None for who has seen another one than this."""
        if expected_version != self.version:
            return None
        return Description(self.sku, name, price, self.version + 1)
