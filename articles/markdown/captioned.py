"""The directives that hold a caption: listing, figure, measurement."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from markdown_it.token import Token

from articles.markdown.drawings import figure_frame
from articles.markdown.listings import source_frame
from articles.markdown.measured import measurement_frame
from articles.markdown.render_context import RenderContext, line_of, made, plain
from articles.problems import Refused

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
