"""Numbers that a request brings as text."""

from __future__ import annotations

from typing import Final

LONGEST: Final = 9  # digits: a column of four bytes holds each such number


def whole_number(text: str) -> int | None:
    """Return the number that the text spells in at most LONGEST decimal digits, or None."""
    return int(text) if text.isdecimal() and len(text) <= LONGEST else None
