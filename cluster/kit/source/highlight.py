"""Code as HTML with classes, line by line, to which kit/highlight.css gives colours."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from html import escape
from pathlib import PurePosixPath
from typing import Final

from django.utils.safestring import SafeString, mark_safe
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name, get_lexer_for_filename
from pygments.util import ClassNotFound

# Beyond this, colours cost more than they help: only the locked package lists are longer.
MOST_COLOURED: Final = 2500  # lines
PLAIN: Final = "text"
Range = tuple[int, int]


def language_of(path: str, text: str = "") -> str:
    """Return the Pygments name of the file's language, or `text` if none is known."""
    if "/templates/" in path:
        return "html+django"
    if text.startswith("#!") and "sh" in text.partition("\n")[0]:
        return "bash"
    try:
        found = get_lexer_for_filename(PurePosixPath(path).name)
    except ClassNotFound:
        return PLAIN
    return str(found.aliases[0]) if found.aliases else PLAIN


def language_name(language: str) -> str:
    """Return the language's name as a reader knows it."""
    return str(get_lexer_by_name(language).name)


def highlighted_lines(text: str, language: str) -> list[str]:
    """Return a piece of safe HTML for each line, without colours for an unknown language."""
    lines = _plain_lines(text)
    try:
        lexer = get_lexer_by_name(language, stripnl=False, ensurenl=True)
    except ClassNotFound:
        return [escape(line) for line in lines]
    if len(lines) > MOST_COLOURED or language == PLAIN:
        return [escape(line) for line in lines]
    coloured = highlight(text, lexer, HtmlFormatter(nowrap=True)).split("\n")
    # A lexer may add or drop empty lines at the end, never in the middle.
    return (coloured + [""] * len(lines))[: len(lines)]


@lru_cache(maxsize=64)
def listing(
    text: str, language: str, blocks: tuple[Range, ...] = (), chosen: Range | None = None
) -> SafeString:
    """Return the content of a `<code>`: numbered lines with anchors `L40`.

    Each of `blocks` becomes an element with the anchor `L40-L72`, so that a link to a
    definition finds and marks it without any script. The lines `chosen` are marked here.
    """
    lines = highlighted_lines(text, language)
    opening, closing = _nesting(blocks, len(lines))
    parts = []
    for number, line in enumerate(lines, start=1):
        parts += [
            f'<span class="block" id="L{number}-L{last}">' for last in opening.get(number, ())
        ]
        marked = chosen is not None and chosen[0] <= number <= chosen[1]
        parts.append(
            f'<span class="line{" chosen" if marked else ""}" id="L{number}">'
            f'<a class="number" href="#L{number}" tabindex="-1" aria-hidden="true">{number}</a>'
            f"{line}\n</span>"
        )
        parts.append("</span>" * closing.get(number, 0))
    return mark_safe("".join(parts))  # noqa: S308  # Pygments and `escape` have escaped the text


def _plain_lines(text: str) -> list[str]:
    lines = text.split("\n")
    return lines[:-1] if lines[-1] == "" and len(lines) > 1 else lines


def _nesting(blocks: Iterable[Range], end: int) -> tuple[dict[int, list[int]], dict[int, int]]:
    """Return the blocks that open before a line, outermost first, and the number that end after."""
    opening: dict[int, list[int]] = {}
    closing: dict[int, int] = {}
    around: list[int] = []
    for first, last in sorted(set(blocks), key=lambda block: (block[0], -block[1])):
        around = [outer for outer in around if outer >= first]
        # Two statements may share a line: elements can only lie inside each other.
        if not 1 <= first < last <= end or (around and around[-1] < last):
            continue
        around.append(last)
        opening.setdefault(first, []).append(last)
        closing[last] = closing.get(last, 0) + 1
    return opening, closing
