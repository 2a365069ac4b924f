"""Template filters for the checks, bodies and lanes of a demo's page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from django import template
from django.utils.safestring import mark_safe

from portfolio.demos.result import Lane
from portfolio.traces.waterfall import draw

register = template.Library()

MARKS: Final = {"ok": "committed", "fail": "failed", "info": "unknown"}
WORDS: Final = {"ok": "holds", "fail": "violated", "info": "only counted"}


@register.filter
def check_mark(outcome: str) -> str:
    """Return the mark of the design system that stands for a check's outcome."""
    return MARKS[outcome]


@register.filter
def check_words(outcome: str) -> str:
    """Return the outcome in words, for readers who do not see the mark."""
    return WORDS[outcome]


@register.filter
def pretty(body: str) -> str:
    """Return JSON with a line for each member, and other or truncated text unchanged."""
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        return body


@register.simple_tag
def lanes(found: Sequence[Lane]) -> str:
    """Return the lanes over time, drawn like the waterfall of a trace."""
    start, end = min(lane.start for lane in found), max(lane.end for lane in found)
    # Made of numbers and escaped words by waterfall.py.
    return mark_safe(draw(found, start=start, end=end))  # noqa: S308
