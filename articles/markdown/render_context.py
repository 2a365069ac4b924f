"""The state that the passes over one text share, and helpers for the parser's tokens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any, Final, Literal

from markdown_it.token import Token

from articles.problems import MarkdownProblem

Nesting = Literal[-1, 0, 1]
# Where the parser's rules find the RenderContext of their text.
ENV_KEY: Final = "making"
# A text with more mistakes than this is not an article.
MOST_PROBLEMS: Final = 100
BREAKS: Final = frozenset({"softbreak", "hardbreak"})


@dataclass(slots=True)
class RenderContext:
    """The state of one rendering."""

    problems: list[MarkdownProblem] = field(default_factory=list)
    toc: list[dict[str, Any]] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    same_words: Counter[str] = field(default_factory=Counter)  # headings beyond the first
    _numbers: Counter[str] = field(default_factory=Counter)

    def say(self, line: int, sentence: str) -> None:
        """Record one problem, on a line counted from 1."""
        problem = MarkdownProblem(line, sentence)
        if len(self.problems) < MOST_PROBLEMS and problem not in self.problems:
            self.problems.append(problem)

    def refuse(self, line: int, sentence: str) -> Token:
        """Record one problem, and return the token that replaces the part that cannot be made."""
        self.say(line, sentence)
        return made(f'<p class="problem">{escape(str(MarkdownProblem(line, sentence)))}</p>\n')

    def number(self, kind: str) -> int:
        """Return the next number of a kind: listing, table, figure or note."""
        self._numbers[kind] += 1
        number = self._numbers[kind]
        self.ids.add(f"{kind}-{number}")
        return number


def made(html: str, nesting: Nesting = 0) -> Token:
    """Return a token that renders as this HTML.

    `nesting` is as in the parser: 1 opens a block, -1 closes one.
    """
    return Token("made", "", nesting, content=html)


def numbered_frame(kind: str, number: int) -> tuple[str, str]:
    """Return the HTML before the caption of a numbered frame, and the region that scrolls in it."""
    name = f"{kind.capitalize()} {number}"
    before = (
        f'<figure class="{kind}" id="{kind}-{number}">\n'
        f'<figcaption><span class="number">{name}</span> '
    )
    return before, scrolling(name)


def scrolling(label: str) -> str:
    """Return the opening tag of a region that scrolls by itself."""
    return f'<div class="scroll" tabindex="0" role="region" aria-label="{label}">'


def line_of(token: Token) -> int:
    """Return the line on which a block begins, counted from 1."""
    return token.map[0] + 1 if token.map else 1


def children_of(tokens: Sequence[Token]) -> Iterator[tuple[int, Token]]:
    """Yield the children of all paragraphs among the tokens, each with its line."""
    for token in tokens:
        if token.type == "inline":
            yield from with_lines(token)


def with_lines(inline: Token) -> Iterator[tuple[int, Token]]:
    """Yield the children of a paragraph, each with its line."""
    line = line_of(inline)
    for child in inline.children or []:
        yield line, child
        # A directive's caption or raw HTML may keep line ends inside.
        line += 1 if child.type in BREAKS else child.content.count("\n")


def plain(inline: Token) -> str:
    """Return the text of a heading or caption without its markup."""
    return "".join(
        " " if child.type in BREAKS else child.content
        for child in inline.children or []
        if child.type in BREAKS or child.type in {"text", "code_inline"}
    ).strip()


def blocks(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """Yield the tokens of each outermost block: a paragraph, a whole list, a whole table."""
    block: list[Token] = []
    depth = 0
    for token in tokens:
        block.append(token)
        depth += token.nesting
        if depth <= 0:
            yield block
            block, depth = [], 0
    if block:
        yield block
