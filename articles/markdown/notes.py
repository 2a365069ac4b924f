"""Note boxes."""

from __future__ import annotations

from html import escape

from markdown_it.token import Token

from articles.markdown.render_context import RenderContext, made


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
