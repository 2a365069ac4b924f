"""`::: figure`: the place for a figure, which is drawn when the page is requested."""

from __future__ import annotations

import json
from html import escape
from typing import Final

from markdown_it.token import Token

from articles.figures.registry import checked_options
from articles.markdown.directives import words_of
from articles.markdown.render_context import RenderContext
from articles.options import parse_words
from articles.problems import Refused

WIDE: Final = "wide"


def figure_frame(directive: Token, making: RenderContext) -> tuple[str, str]:
    """Return the HTML before and after the caption of a figure, or raise Refused."""
    words = parse_words(words_of(directive))
    wide = WIDE in words.plain[1:]
    names = [word for index, word in enumerate(words.plain) if not (index and word == WIDE)]
    if len(names) != 1:
        raise Refused("A figure has one name, such as train-graph.")
    name = names[0]
    options = checked_options(name, words.options)
    number = making.number("figure")
    classes = "figure wide" if wide else "figure"
    written = escape(json.dumps(options, sort_keys=True))
    before = (
        f'<figure class="{classes}" id="figure-{number}">\n'
        f'<div data-figure="{escape(name)}" data-options="{written}"></div>\n'
        f'<figcaption><span class="number">Figure {number}</span> '
    )
    return before, "</figcaption>\n</figure>\n"
