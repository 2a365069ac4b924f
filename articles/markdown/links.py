"""Checks of the addresses in a text, and of HTML, which a text may not contain."""

from __future__ import annotations

import re
from html import unescape
from typing import Final
from urllib.parse import unquote

from markdown_it.token import Token

from articles.markdown.render_context import RenderContext, children_of, line_of, with_lines
from articles.options import shortened

SCHEMES: Final = frozenset({"http", "https", "mailto"})
# CommonMark reads such a line as text, and then misreads all that follows.
_BROKEN_FENCE: Final = re.compile(r"^```.*`", re.MULTILINE)
PICTURES: Final = "/static/"
_SCHEME: Final = re.compile(r"^[\s\x00-\x20]*([a-z][a-z0-9+.\-]*)\s*:", re.IGNORECASE)


def check_links(tokens: list[Token], making: RenderContext) -> list[Token]:
    """Refuse raw HTML, and addresses whose scheme a reader's click should not follow."""
    for token in tokens:
        if token.type == "html_block":
            making.say(line_of(token), _no_html(token.content))
        if token.type != "inline":
            continue
        if _BROKEN_FENCE.search(token.content):
            making.say(line_of(token), "This code block's title holds a backtick; fence it by ~~~.")
        for line, child in with_lines(token):
            _check(child, line, making)
    return tokens


def check_fragments(tokens: list[Token], making: RenderContext) -> list[Token]:
    """Refuse links to a section that the article lacks, once the headings have their ids."""
    for line, child in children_of(tokens):
        href = str(child.attrGet("href") or "") if child.type == "link_open" else ""
        if href.startswith("#") and unquote(href[1:]) not in making.ids:
            making.say(line, f"No section of this text has the address “{shortened(href)}”.")
    return tokens


def _check(child: Token, line: int, making: RenderContext) -> None:
    if child.type == "html_inline":
        making.say(line, _no_html(child.content))
    elif child.type == "link_open":
        href = str(child.attrGet("href") or "")
        if not permitted(href):
            making.say(line, f"A link may not lead to “{shortened(href)}”.")
            child.attrs = {}
        elif not href:
            making.say(line, "This link leads nowhere.")
    elif child.type == "image":
        source = str(child.attrGet("src") or "")
        if not source.startswith(PICTURES) or ".." in source:
            making.say(line, f"A picture must come from this site's {PICTURES}, not “{source}”.")
            child.attrs["src"] = ""
        if not child.content.strip():
            making.say(line, "This picture needs words that say what it shows.")


def permitted(href: str) -> bool:
    """Return whether the address is relative, or has a scheme that is allowed."""
    # Browsers ignore tabs and line ends in a scheme, and so must we.
    flat = re.sub(r"[\t\r\n]", "", unescape(unquote(href)))
    scheme = _SCHEME.match(flat)
    return scheme is None or scheme[1].lower() in SCHEMES


def _no_html(content: str) -> str:
    return f"HTML such as “{shortened(content, 40)}” is not allowed; write Markdown."
