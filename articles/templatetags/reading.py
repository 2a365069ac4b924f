"""Template filters that print numbers and dates on the write-ups' pages."""

from __future__ import annotations

from datetime import datetime

from django import template
from django.utils import timezone

register = template.Library()

NARROW_SPACE = "\u202f"


@register.filter
def grouped(number: int) -> str:
    """Return 2410 as "2 410", with a narrow space that does not break."""
    return f"{number:,}".replace(",", NARROW_SPACE)


@register.filter
def day(moment: datetime | None) -> str:
    """Return a moment's day in UTC, such as "14 Nov 2026", or "" for None.

    The style sheet sets capitals.
    """
    if moment is None:
        return ""
    local = timezone.localtime(moment)
    return f"{local.day} {local:%b %Y}"


@register.filter
def iso(moment: datetime | None) -> str:
    """Return a moment for `datetime` attributes.

    To the second, since HTML allows at most three digits of a fraction.
    """
    return moment.isoformat(timespec="seconds") if moment else ""
