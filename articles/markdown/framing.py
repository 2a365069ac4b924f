"""Listings, figures and tables, framed in one walk so that numbers rise from top to bottom."""

from __future__ import annotations

from markdown_it.token import Token

from articles.markdown.captioned import directive_at
from articles.markdown.listings import code_at
from articles.markdown.render_context import RenderContext
from articles.markdown.tables import table_at


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
