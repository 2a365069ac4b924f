"""The parts of every page: the masthead's navigation and the status strip."""

from __future__ import annotations

from typing import Any

from django import template
from django.template import Context

from cluster.kit.navigation import SECTIONS, section_of
from cluster.kit.status_strip import strip

register = template.Library()


@register.inclusion_tag("kit/shell/navigation.html", takes_context=True)
def navigation(context: Context) -> dict[str, Any]:
    """Return the masthead's links, with `section` or the address's section as the current one."""
    request = context.get("request")
    path = request.path if request else ""
    return {
        "sections": SECTIONS,
        "current": context.get("section") or section_of(path),
        "path": path,
    }


@register.inclusion_tag("kit/shell/strip.html")
def status_strip() -> dict[str, Any]:
    """Return the cluster's state in one line, as of now."""
    return {"strip": strip()}
