"""Frames: numbered ones of listings, figures, measurements and tables, and the boxes of notes.

Those with numbers are framed in one walk, so that the numbers rise from top to bottom.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from html import escape
from typing import Final

from django.template.loader import render_to_string
from markdown_it.token import Token

from articles.figures.registry import checked_options
from articles.markdown.directives import words_of
from articles.markdown.listings import code_at, source_frame
from articles.markdown.render_context import RenderContext, line_of, made, plain
from articles.markdown.tables import table_at, table_frame
from articles.measurements import load
from articles.options import allow_only, parse_words
from articles.problems import Refused

WIDE: Final = "wide"


def figure_frame(directive: Token, making: RenderContext) -> tuple[str, str]:
    """Return the HTML before and after the caption of a figure, or raise Refused.

    It is an empty place: the figure is drawn when the page is requested.
    """
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


def measurement_frame(directive: Token, making: RenderContext) -> tuple[str, str]:
    """Return the HTML before and after the caption of recorded figures, or raise Refused."""
    words = parse_words(words_of(directive))
    allow_only(words, "show")
    if len(words.plain) != 1:
        raise Refused("A measurement has one name, such as pipeline.")
    show = tuple(filter(None, (part.strip() for part in words.options.get("show", "").split(","))))
    found = load(words.plain[0], show=show)
    before, region = table_frame(making.number("table"))
    numeric = [all(cell.numeric for cell in column) for column in zip(*found.rows, strict=True)]
    context = {
        "found": found,
        "columns": list(zip(found.columns, numeric, strict=True)),
        "rows": [list(zip(row, numeric, strict=True)) for row in found.rows],
    }
    table = render_to_string("articles/measurement.html", context)
    return before, f"{region}{table}</figure>\n"


# For each, the function that makes the HTML before and after its caption.
FRAMES: Final[dict[str, Callable[[Token, RenderContext], tuple[str, str]]]] = {
    "listing": source_frame,
    "figure": figure_frame,
    "measurement": measurement_frame,
}


def directive_at(
    tokens: list[Token], position: int, making: RenderContext
) -> tuple[list[Token], int] | None:
    """Return the directive's frame around its caption, or a sentence why it cannot be drawn."""
    if tokens[position].type != "directive_open":
        return None
    # It is followed by its caption and its end.
    return _framed(tokens[position], tokens[position + 1], making), position + 3


def _framed(opening: Token, caption: Token, making: RenderContext) -> list[Token]:
    line = line_of(opening)
    if not plain(caption):
        making.say(line, f"This {opening.info} needs a caption, before the closing “:::”.")
    try:
        before, after = FRAMES[opening.info](opening, making)
    except Refused as refusal:
        return [making.refuse(line, str(refusal))]
    return [made(before, 1), caption, made(after, -1)]


def frame_blocks(tokens: list[Token], making: RenderContext) -> list[Token]:
    """Replace each block that needs a frame.

    Each framer returns the tokens that replace a block, and the position behind it.
    """
    framed: list[Token] = []
    position = 0
    while position < len(tokens):
        for framer in (code_at, directive_at, table_at):
            found = framer(tokens, position, making)
            if found is not None:
                block, position = found
                framed += block
                break
        else:
            framed.append(tokens[position])
            position += 1
    return framed


def box_notes(tokens: list[Token], _making: RenderContext) -> list[Token]:
    """Turn `::: note Title` into a box, whose title is optional."""
    return [_boxed(token) for token in tokens]


def _boxed(token: Token) -> Token:
    if token.type == "note_close":
        return made("</div>\n", -1)
    if token.type != "note_open":
        return token
    title = token.meta["title"]
    heading = f'<p class="note-title">{escape(title)}</p>\n' if title else ""
    return made(f'<div class="note" role="note">\n{heading}', 1)
