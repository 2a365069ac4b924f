"""{value}`module:NAME`: a constant, as the running source sets it."""

from __future__ import annotations

from html import escape
from typing import Final

from markdown_it.token import Token

from articles.markdown.listings import from_source
from articles.markdown.render_context import RenderContext, made, with_lines
from articles.problems import Refused
from cluster.kit.source.resolve import constant

ROLE: Final = "{value}"


def insert_values(tokens: list[Token], making: RenderContext) -> list[Token]:
    """Replace each constant's name by its value, as code that links to its line."""
    for token in tokens:
        if token.type == "inline" and ROLE in token.content:
            _insert(token, making)
    return tokens


def _insert(inline: Token, making: RenderContext) -> None:
    children: list[Token] = []
    for line, child in with_lines(inline):
        before = children[-1] if children else None
        if (
            child.type == "code_inline"
            and before is not None
            and before.type == "text"
            and before.content.endswith(ROLE)
        ):
            before.content = before.content.removesuffix(ROLE)
            children.append(_value(child, line, making))
        else:
            children.append(child)
    inline.children = children


def _value(code: Token, line: int, making: RenderContext) -> Token:
    target = code.content.strip()
    try:
        # Read from the source and never from the process, so that no setting can be printed.
        location, written = from_source(constant, target)
    except Refused as refusal:
        making.say(line, str(refusal))
        return code
    return made(
        f'<a class="value" href="{escape(location.url)}" title="{escape(target)}">'
        f"<code>{escape(' '.join(written.split()))}</code></a>"
    )
