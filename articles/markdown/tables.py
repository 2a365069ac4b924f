"""Tables, each with a number, a caption and a region of its own to scroll in."""

from __future__ import annotations

from typing import Final

from markdown_it.token import Token

from articles.markdown.render_context import (
    RenderContext,
    line_of,
    made,
    numbered_frame,
    scrolling,
)

PREFIX: Final = "Table:"
_SIDES: Final = {"text-align:right": "right", "text-align:center": "centre"}


def table_at(
    tokens: list[Token], position: int, making: RenderContext
) -> tuple[list[Token], int] | None:
    """Return the framed table.

    Its caption is the paragraph beside it that begins with `Table:`.
    """
    caption, begin = None, position
    if _is_caption(tokens, position):
        caption, begin = tokens[position + 1], position + 3
        if not _is(tokens, begin, "table_open"):
            making.say(line_of(tokens[position]), "There is no table beside this caption.")
            return None
    elif not _is(tokens, position, "table_open"):
        return None
    end = next(i for i in range(begin, len(tokens)) if tokens[i].type == "table_close") + 1
    after = end
    if caption is None and _is_caption(tokens, end) and not _is(tokens, end + 3, "table_open"):
        caption, after = tokens[end + 1], end + 3
    return _framed(tokens[begin:end], caption, making), after


def _framed(table: list[Token], caption: Token | None, making: RenderContext) -> list[Token]:
    for index, token in enumerate(table):
        side = _SIDES.get(str(token.attrGet("style") or ""))
        token.attrs = {"class": side} if side else {}
        if token.type == "td_open" and table[index + 1].content.startswith(PREFIX):
            line = line_of(table[index + 1]) if table[index + 1].map else line_of(table[0])
            making.say(line, "Leave an empty line between the table and its caption.")
    if caption is None:
        opening = '<figure class="table plain">\n'
        region = scrolling("Table")
        return [made(f"{opening}{region}\n", 1), *table, made("</div>\n</figure>\n", -1)]
    number = making.number("table")
    _cut_prefix(caption)
    head, region = table_frame(number)
    return [made(head, 1), caption, made(region), *table, made("</div>\n</figure>\n", -1)]


def table_frame(number: int) -> tuple[str, str]:
    """Return the HTML before the caption of a numbered table, and between caption and table."""
    before, region = numbered_frame("table", number)
    return before, f"</figcaption>\n{region}\n"


def _is(tokens: list[Token], index: int, kind: str) -> bool:
    return index < len(tokens) and tokens[index].type == kind


def _is_caption(tokens: list[Token], index: int) -> bool:
    return (
        _is(tokens, index, "paragraph_open")
        and _is(tokens, index + 1, "inline")
        and tokens[index + 1].content.startswith(PREFIX)
    )


def _cut_prefix(caption: Token) -> None:
    for child in caption.children or []:
        if child.type == "text" and child.content:
            child.content = child.content.removeprefix(PREFIX).lstrip()
            return
