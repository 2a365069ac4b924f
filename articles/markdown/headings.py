"""Ids and permalinks of the headings, and the table of contents made of them."""

from __future__ import annotations

import re
from html import escape
from typing import Final

from django.utils.text import slugify
from markdown_it.token import Token

from articles.markdown.render_context import RenderContext, line_of, made, plain

FIRST: Final = 2  # the article's title is the page's only h1
IN_CONTENTS: Final = 3
LONGEST_ID: Final = 80
# Ids that the page around an article has; tests/articles/markdown/test_reserved_ids.py
# reads them from the templates.
PAGE_IDS: Final = frozenset(
    {
        *("main", "sections", "status", "palette-query", "palette-list", "help-title"),
        *("mark-in-flight", "mark-committed", "mark-compensated", "mark-failed", "mark-unknown"),
        *("page-top", "page-contents", "page-changed", "page-series", "page-related"),
        "page-about",
    }
)
# Ids that numbering gives, and `contents`, which a page had once.
_NUMBERED: Final = re.compile(r"contents|(listing|table|figure|note)-\d+(-mark)?|palette-\d+")


def link_headings(tokens: list[Token], making: RenderContext) -> list[Token]:
    """Give each heading its id and permalink, and report where the outline is broken."""
    before = FIRST - 1
    for index, token in enumerate(tokens):
        if token.type != "heading_open":
            continue
        level, line = int(token.tag[1]), line_of(token)
        if level < FIRST:
            making.say(line, "The title is the page's heading; begin sections with “##”.")
            level = FIRST
            token.tag = tokens[index + 2].tag = f"h{level}"
        elif level > before + 1:
            making.say(line, f"A heading of level {level} cannot follow one of level {before}.")
        before = level
        _link(token, tokens[index + 1], level, making)
    return tokens


def _link(opening: Token, inline: Token, level: int, making: RenderContext) -> None:
    title = plain(inline)
    if not title:
        making.say(line_of(opening), "This heading is empty.")
    anchor = _anchor(title, making)
    making.ids.add(anchor)
    opening.attrs = {"id": anchor}
    label = escape(f"Link to “{title}”")
    permalink = f' <a class="permalink" href="#{anchor}" aria-label="{label}">#</a>'
    inline.children = [*(inline.children or []), made(permalink)]
    if level <= IN_CONTENTS:
        making.toc.append({"id": anchor, "title": title, "level": level})


def _anchor(title: str, making: RenderContext) -> str:
    """Return an id made of the title's words, with a number if an earlier heading has it."""
    wanted = slugify(title)[:LONGEST_ID].strip("-") or "section"
    if wanted in PAGE_IDS or _NUMBERED.fullmatch(wanted):
        wanted = f"{wanted}-section"
    anchor = wanted
    while anchor in making.ids:
        making.same_words[wanted] += 1
        anchor = f"{wanted}-{making.same_words[wanted] + 1}"
    return anchor
