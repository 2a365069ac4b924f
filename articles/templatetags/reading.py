"""How the write-ups' pages print numbers and dates."""

from __future__ import annotations

from datetime import datetime

from django import template
from django.utils import timezone

register = template.Library()

NARROW_SPACE = "\u202f"


@register.filter
def grouped(number: int) -> str:
    """2410 as "2 410", with a narrow space that does not break."""
    return f"{number:,}".replace(",", NARROW_SPACE)


@register.filter
def day(moment: datetime | None) -> str:
    """A moment's day in UTC: "14 Nov 2026"; empty for none. Capitals are the style sheet's."""
    if moment is None:
        return ""
    local = timezone.localtime(moment)
    return f"{local.day} {local:%b %Y}"


@register.filter
def iso(moment: datetime | None) -> str:
    """A moment for `datetime` attributes, to the second: HTML allows three digits of it at most."""
    return moment.isoformat(timespec="seconds") if moment else ""
