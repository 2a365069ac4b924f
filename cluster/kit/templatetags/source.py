"""Links from a page to the source that it describes, or that made it.

{% source "cluster.messaging.relay:Relay.run" %}           a link that names file and lines
{% source "cluster.messaging.relay:Relay.run" "the loop" %}   the same with other words
{% source_url "cluster.messaging.relay:Relay.run" as url %}   its address, empty when unknown
{% source_here %}                                          what made this page: view and template
{{ path|breakable }}                                       a path that may be broken at its slashes
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, Final

from django import template
from django.template import Context
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from cluster.kit.source.resolve import Location, UnknownSource, locate, locate_object
from config import environment

logger: Final = logging.getLogger(__name__)
register = template.Library()


@register.simple_tag
def source(target: str, words: str = "") -> SafeString:
    """Return a link to the target, or only the words when it is not found: the page goes on."""
    try:
        return _link(locate(target), words)
    except UnknownSource as error:
        logger.warning("a link to the source leads nowhere: %s", error)
        return format_html('<span class="source">{}</span>', words or target)


@register.simple_tag
def source_url(target: str) -> str:
    """Return the address of the target, empty when it is not found."""
    try:
        return locate(target).url
    except UnknownSource as error:
        logger.warning("a link to the source leads nowhere: %s", error)
        return ""


@register.simple_tag(takes_context=True)
def source_here(context: Context) -> SafeString:
    """Return links to the view and the template of this page, empty when neither is from here."""
    places = [place for place in (_view(context), _template(context)) if place is not None]
    return format_html_join(SafeString(" · "), "{}", ((_link(place),) for place in places))


@register.filter
def breakable(path: str) -> SafeString:
    """Return the path with a possible line break after each of its slashes."""
    return format_html_join(SafeString("/<wbr>"), "{}", ((part,) for part in path.split("/")))


def _link(location: Location, words: str = "") -> SafeString:
    return format_html('<a class="source" href="{}">{}</a>', location.url, words or location.words)


def _view(context: Context) -> Location | None:
    match: Any = getattr(context.get("request"), "resolver_match", None)
    if match is None:
        return None
    try:
        return locate_object(match.func)
    except UnknownSource:
        return None  # Django's own, as in the admin


def _template(context: Context) -> Location | None:
    origin = getattr(context.template, "origin", None)
    try:
        path = Path(origin.name).resolve().relative_to(environment.ROOT) if origin else None
        return locate(path.as_posix()) if path else None
    except (ValueError, UnknownSource):
        return None
