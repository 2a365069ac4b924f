"""How the pages write the owner's Markdown, and numbers."""

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
    """Markdown as HTML. What cannot be drawn is shown as it was written: words are not lost."""
    try:
        return rendered(text)
    except UnreadableProse as error:
        # The admin refuses such a text; a listing may have vanished from the source since.
        logger.warning("a text is shown undrawn: %s", error)
        return format_html("<pre>{}</pre>", text)


# A number that could not be had is None, and one of a part that is missing altogether is "".
Number = float | None | Literal[""]


@register.filter
def spaced(number: Number) -> str:
    """A whole number in groups of three, as timetables print them: 12 408."""
    if number is None or number == "":
        return NO_READING
    return f"{number:,.0f}".replace(",", NO_BREAK)


@register.filter
def rate(number: Number) -> str:
    """So many a second, to one decimal."""
    return NO_READING if number is None or number == "" else f"{number:.1f}"


@register.filter
def duration(seconds: Number) -> str:
    """How long something took or has lasted, in the largest unit of which there are two."""
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
