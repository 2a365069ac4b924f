"""Code: listings that stand in the text, and listings from the running source."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable
from html import escape
from typing import Final, TypeVar

from markdown_it.token import Token
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

from articles.markdown.directives import words_of
from articles.markdown.parser import with_backticks
from articles.markdown.render_context import (
    RenderContext,
    line_of,
    made,
    numbered_frame,
    scrolling,
)
from articles.options import (
    Words,
    allow_only,
    line_numbers,
    parse_words,
    shortened,
)
from articles.problems import Refused
from cluster.kit.source.highlight import PLAIN, highlighted_lines
from cluster.kit.source.resolve import UnknownSource, excerpt

_CODE: Final = re.compile(r"`([^`]+)`")

Found = TypeVar("Found")


def from_source(read: Callable[[str], Found], target: str) -> Found:
    """Return what `read` finds in the running source, or raise Refused without such a target."""
    try:
        return read(target)
    except UnknownSource as error:
        raise Refused(str(error)) from error


def code_at(
    tokens: list[Token], position: int, making: RenderContext
) -> tuple[list[Token], int] | None:
    """Return fenced or indented code as a listing, numbered if it has a title."""
    if tokens[position].type not in {"fence", "code_block"}:
        return None
    return [_block(tokens[position], making)], position + 1


def _block(token: Token, making: RenderContext) -> Token:
    line = line_of(token)
    try:
        words = parse_words(with_backticks(token.info))
        allow_only(words, "title", "hl")
        language = _language(words)
        count = len(token.content.rstrip("\n").split("\n"))
        marked = line_numbers(words.options.get("hl", ""), last=count)
    except Refused as refusal:
        making.say(line, str(refusal))
        words, language, marked = Words(), PLAIN, frozenset()
    code = code_html(with_backticks(token.content), language, marked)
    title = words.options.get("title", "").strip()
    if not title:
        return made(f'<figure class="listing plain">{scrolling("Code")}{code}</div></figure>\n')
    number = making.number("listing")
    before, after = listing_frame(number, code)
    return made(f"{before}{_title(title)}{after}")


def _language(words: Words) -> str:
    if len(words.plain) > 1:
        raise Refused(
            f"A code block names one language, not “{shortened(' '.join(words.plain))}”; "
            'a caption is written title="…".'
        )
    language = words.plain[0].lower() if words.plain else PLAIN
    try:
        get_lexer_by_name(language)
    except ClassNotFound:
        raise Refused(f"The language “{shortened(language)}” is not known.") from None
    return language


def _title(title: str) -> str:
    return _CODE.sub(r"<code>\1</code>", escape(title))


def listing_frame(number: int, code: str) -> tuple[str, str]:
    """Return the HTML before and after the caption of a numbered listing."""
    before, region = numbered_frame("listing", number)
    return before, f"</figcaption>\n{region}{code}</div>\n</figure>\n"


def code_html(text: str, language: str, marked: frozenset[int], *, first: int | None = None) -> str:
    """Return the highlighted code, line by line.

    `first` is the number of its first line, or None to show no numbers.
    """
    lines = []
    for number, line in enumerate(highlighted_lines(text, language), start=1):
        classes = "line marked" if number in marked else "line"
        shown = f' data-number="{first + number - 1}"' if first is not None else ""
        lines.append(f'<span class="{classes}"{shown}>{line}\n</span>')
    name = re.sub(r"[^a-z0-9+#-]+", "-", language.lower())
    return f'<pre class="highlight"><code class="language-{name}">{"".join(lines)}</code></pre>'


def source_frame(directive: Token, making: RenderContext) -> tuple[str, str]:
    """Return the HTML before and after the caption of `::: listing`, or raise Refused."""
    words = parse_words(words_of(directive))
    allow_only(words, "hl", "lines")
    if len(words.plain) != 1:
        raise Refused("A listing names one target, such as cluster.worker:main.")
    found = from_source(excerpt, words.plain[0])
    place = found.location
    lines = textwrap.dedent(found.text).rstrip("\n").split("\n")
    marked = line_numbers(words.options.get("hl", ""), last=len(lines))
    wanted = line_numbers(words.options.get("lines", ""), last=len(lines))
    begin, end = (min(wanted), max(wanted)) if wanted else (1, len(lines))
    code = code_html(
        "\n".join(lines[begin - 1 : end]) + "\n",
        found.language,
        frozenset(number - begin + 1 for number in marked),
        first=place.first + begin - 1,
    )
    before, after = listing_frame(making.number("listing"), code)
    source = f' <a class="source" href="{escape(place.url)}">{escape(place.words)}</a>'
    return before, source + after
