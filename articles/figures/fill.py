"""The drawing of figures: into a stored text when its page is requested, or one alone, as SVG."""

from __future__ import annotations

import json
import logging
import re
from dataclasses import dataclass
from html import unescape
from typing import Final

from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from articles.figures.registry import FIGURES, parse_reference
from articles.problems import Refused

logger: Final = logging.getLogger(__name__)

# Only the renderer can write this: in an author's text, `<` and `"` are escaped.
_PLACE: Final = re.compile(r'<div data-figure="([a-z-]+)" data-options="([^"]*)"></div>')
NOT_NOW: Final = "This figure cannot be drawn at this moment."


@dataclass(frozen=True, slots=True)
class Assets:
    """Static paths that a page with these figures links, each once, in a stable order."""

    stylesheets: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ()  # ES modules


def assets(html: str) -> Assets:
    """Return the assets that the figures of a stored text need."""
    used = [FIGURES[name] for name, _ in _PLACE.findall(html) if name in FIGURES]
    return Assets(
        stylesheets=tuple(dict.fromkeys(sheet for figure in used for sheet in figure.stylesheets)),
        scripts=tuple(dict.fromkeys(script for figure in used for script in figure.scripts)),
    )


def fill(html: str, request: HttpRequest | None = None) -> SafeString:
    """Return a stored text with its figures drawn.

    Never raises: a figure that cannot be drawn is replaced by a sentence.
    """
    return mark_safe(  # noqa: S308  (the text has passed the allow-list when it was stored)
        _PLACE.sub(lambda found: _drawn(found[1], found[2], request), html)
    )


def _drawn(name: str, options: str, request: HttpRequest | None) -> str:
    figure = FIGURES.get(name)
    if figure is None:
        return absence(f"There is no figure “{name}” any more.")
    try:
        return str(figure.load("draw")(json.loads(unescape(options)), request))
    except Exception:  # a figure must not take its article down
        logger.exception("the figure %s could not be drawn", name)
        return absence(NOT_NOW)


def absence(sentence: str) -> SafeString:
    """Return the paragraph that replaces a figure when there is nothing to draw."""
    return format_html('<p class="absence">{}</p>', sentence)


def picture(reference: str) -> str | None:
    """Return the SVG of a figure such as `train-graph window=20`, for the OpenGraph image.

    It has colours and a size of its own. None when there is no such figure, or when it has no data
    now.
    """
    try:
        figure, options = parse_reference(reference)
    except Refused as refusal:
        logger.warning("there is no figure “%s” for a picture: %s", reference, refusal)
        return None
    try:
        drawn: str | None = figure.load("picture")(options)
    except Exception:  # a missing picture must not take its article down
        logger.exception("the figure %s could not be drawn for a picture", reference)
        return None
    return drawn
