"""All steps of rendering: Markdown, tokens, our passes, HTML, the allow-list."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from html import unescape
from typing import Any, Final

from markdown_it.token import Token

from articles.markdown.framing import box_notes, frame_blocks
from articles.markdown.headings import link_headings
from articles.markdown.links import check_fragments, check_links
from articles.markdown.parser import new_env, parser, with_backticks
from articles.markdown.render_context import ENV_KEY, RenderContext
from articles.markdown.sanitise import sanitise
from articles.markdown.sidenotes import place_sidenotes
from articles.markdown.values import insert_values
from articles.problems import MarkdownProblem

# Bytes of UTF-8: as long as a book's chapter.
LARGEST: Final = 400_000

# The order matters: links are checked before other passes change them, numbers are given
# from top to bottom, and a note is put behind a complete block.
PASSES: Final[tuple[Callable[[list[Token], RenderContext], list[Token]], ...]] = (
    check_links,
    insert_values,
    link_headings,
    box_notes,
    frame_blocks,
    place_sidenotes,
    check_fragments,
)

READ_IN_A_MINUTE: Final = 230  # words of prose; code is left out
# In sanitised HTML no attribute holds a `<` or a `>`.
_TAG: Final = re.compile(r"<[^>]*>")
# Elements whose edges separate words.
_BREAK: Final = re.compile(r"</?(?:p|li|h[2-6]|td|th|div|pre|br|figcaption)\b[^>]*>")
_CODE: Final = re.compile(r"<pre\b.*?</pre>", re.DOTALL)
# Marks that are not part of the sentence.
_UNREAD: Final = re.compile(r'<(a|sup) class="(?:permalink|back|reference)".*?</\1>', re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """The result of rendering a text. With problems it may be shown, but not published."""

    html: str = ""
    text: str = ""
    toc: list[dict[str, Any]] = field(default_factory=list)
    words: int = 0
    minutes: int = 0
    problems: list[MarkdownProblem] = field(default_factory=list)


def render(body: str) -> Rendered:
    """Render a text, always to the same HTML for the same text and the same running source."""
    too_long = length_problem(body)
    if too_long is not None:
        return Rendered(problems=[too_long])
    making = RenderContext()
    env = new_env(**{ENV_KEY: making})
    md = parser()
    tokens = md.parse(body, env)
    for change in PASSES:
        tokens = change(tokens, making)
    html = sanitise(with_backticks(md.renderer.render(tokens, md.options, env)))
    prose = prose_of(html)
    return Rendered(
        html=html,
        text=prose.text,
        toc=making.toc,
        words=prose.words,
        minutes=prose.minutes,
        problems=sorted(making.problems, key=lambda problem: problem.line),
    )


def length_problem(body: str) -> MarkdownProblem | None:
    """Return the problem of a text above LARGEST, with the line that passes the limit, or None."""
    encoded = body.encode("utf-8", "replace")
    if len(encoded) <= LARGEST:
        return None
    line = encoded[:LARGEST].count(b"\n") + 1
    size, most = len(encoded) // 1000, LARGEST // 1000
    return MarkdownProblem(
        line, f"The text is {size} kB long; an article may have {most} kB, which end here."
    )


@dataclass(frozen=True, slots=True)
class Prose:
    """The text without markup, and the number of its words that are prose."""

    text: str
    words: int

    @property
    def minutes(self) -> int:
        """Reading time, at least one minute."""
        return max(1, math.ceil(self.words / READ_IN_A_MINUTE))


def prose_of(html: str) -> Prose:
    """Return the words that a reader reads in the sanitised HTML."""
    read = _UNREAD.sub("", html)
    lines = (" ".join(line.split()) for line in _plain(read).split("\n"))
    prose = _plain(_CODE.sub("\n", read)).split()
    return Prose(
        text="\n".join(filter(None, lines)),
        words=sum(any(letter.isalnum() for letter in word) for word in prose),
    )


def _plain(html: str) -> str:
    return unescape(_TAG.sub("", _BREAK.sub("\n", html)))
