"""Numbers that a request brings as text."""

from __future__ import annotations

from typing import Final

LONGEST: Final = 9  # digits: what a column of four bytes certainly holds


def whole_number(text: str) -> int | None:
    """The number that a text of at most LONGEST decimal digits spells; None for any other."""
    return int(text) if text.isdecimal() and len(text) <= LONGEST else None
