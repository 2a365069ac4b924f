"""Template filters for the owner's Markdown, and for numbers."""

from __future__ import annotations

import logging
from typing import Final, Literal

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from articles.owner.prose import UnreadableProse, rendered

logger: Final = logging.getLogger(__name__)
register = template.Library()

NO_READING: Final = "no reading"
NO_BREAK: Final = "\N{NO-BREAK SPACE}"
FEW: Final = 10  # seconds; below that tenths matter
MINUTE: Final = 60
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR


@register.filter
def prose(text: str) -> SafeString:
    """Return Markdown as HTML, or as it was written when it cannot be rendered."""
    try:
        return rendered(text)
    except UnreadableProse as error:
        # The admin refuses such a text, but the source may since have lost one of its listings.
        logger.warning("a text is shown undrawn: %s", error)
        return format_html("<pre>{}</pre>", text)


# A number that could not be read is None, and one of a part that is missing altogether is "".
Number = float | None | Literal[""]


@register.filter
def spaced(number: Number) -> str:
    """Return a whole number in groups of three digits, as timetables print them: 12 408."""
    if number is None or number == "":
        return NO_READING
    return f"{number:,.0f}".replace(",", NO_BREAK)


@register.filter
def rate(number: Number) -> str:
    """Return a rate a second with one decimal."""
    return NO_READING if number is None or number == "" else f"{number:.1f}"


@register.filter
def duration(seconds: Number) -> str:
    """Return a duration in the largest unit of which it has at least two."""
    if seconds is None or seconds == "":
        return NO_READING
    if seconds < FEW:
        return f"{seconds:.1f}{NO_BREAK}s"
    if seconds < 2 * MINUTE:
        return f"{seconds:.0f}{NO_BREAK}s"
    if seconds < 2 * HOUR:
        return f"{seconds / MINUTE:.0f}{NO_BREAK}min"
    if seconds < 2 * DAY:
        return f"{seconds / HOUR:.0f}{NO_BREAK}h"
    return f"{seconds / DAY:.0f}{NO_BREAK}days"
