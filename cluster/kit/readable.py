"""The texts and dates that may be stored: those that every format they reach can hold.

PostgreSQL's text, UTF-8, HTML and XML 1.0 (feeds, sitemap) each leave out some
characters, and PostgreSQL has dates that Python has not. Forms and seeds refuse these in
one sentence. Text from older rows is cleaned before it is drawn.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from django.core.exceptions import ValidationError

# Control characters except the tab and the ends of lines, halves of a surrogate pair, and
# the two that are no characters (https://www.w3.org/TR/xml/#charsets).
UNREADABLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
SHOWN_BEFORE: Final = 20  # characters

# A day to either side of these is still a date, in any time zone, of every format.
EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2999, 12, 31, tzinfo=UTC)


def readable(text: str) -> str:
    """Return the text without the characters that some format cannot hold."""
    return UNREADABLE.sub("", text)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A character that some format cannot hold, and its position."""

    character: str
    line: int
    before: str

    def __str__(self) -> str:
        place = f"behind “{self.before}”" if self.before else "at its beginning"
        return f"There is an invisible character, U+{ord(self.character):04X}, {place}."


def first_unreadable(text: str) -> Unreadable | None:
    """Return the first character of the text that may not be stored, or None."""
    found = UNREADABLE.search(text)
    if found is None:
        return None
    at = found.start()
    before = " ".join(text[max(0, at - SHOWN_BEFORE) : at].split())
    return Unreadable(found[0], text.count("\n", 0, at) + 1, before)


def validate_text(text: str) -> None:
    """Raise ValidationError for a text that may not be stored, with the character and its place."""
    found = first_unreadable(text)
    if found is not None:
        raise ValidationError(f"Line {found.line}: {found} Remove it.", code="unreadable")


def validate_moment(moment: datetime) -> None:
    """Raise ValidationError for a date that feeds, the sitemap or PostgreSQL could not hold."""
    if not EARLIEST <= moment <= LATEST:
        raise ValidationError(
            f"The date must be between {EARLIEST.year} and {LATEST.year}.", code="date"
        )
