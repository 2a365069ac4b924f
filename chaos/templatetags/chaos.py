"""How durations of outages are written."""

from __future__ import annotations

from typing import Final

from django import template

register = template.Library()

LONG: Final = 100.0  # seconds from which tenths say nothing


@register.filter
def seconds(value: float) -> str:
    """`2.4 s`, and for long ones `132 s`."""
    return f"{value:.0f} s" if value >= LONG else f"{value:.1f} s"
