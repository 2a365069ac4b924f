"""How a demo's page writes checks and bodies."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from django import template
from django.utils.safestring import mark_safe

from portfolio.demos.lanes import Lane
from portfolio.traces.waterfall import draw

register = template.Library()

MARKS: Final = {"ok": "committed", "fail": "failed", "info": "unknown"}
WORDS: Final = {"ok": "holds", "fail": "violated", "info": "only counted"}


@register.filter
def check_mark(outcome: str) -> str:
    """The mark of the design system that stands for a check's outcome."""
    return MARKS[outcome]


@register.filter
def check_words(outcome: str) -> str:
    """The outcome for those who do not see the mark."""
    return WORDS[outcome]


@register.filter
def pretty(body: str) -> str:
    """JSON with a line for each member; anything else, or JSON that was cut, as it is."""
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        return body


@register.simple_tag
def lanes(found: Sequence[Lane]) -> str:
    """The lanes over time, as the waterfall of a trace is drawn."""
    start, end = min(lane.start for lane in found), max(lane.end for lane in found)
    # Made of numbers and escaped words by waterfall.py.
    return mark_safe(draw(found, start=start, end=end))  # noqa: S308
