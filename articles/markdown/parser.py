"""The parser and the renderer, with our rules in place."""

from __future__ import annotations

import re
from collections.abc import MutableMapping, Sequence
from functools import cache
from html import escape
from typing import Any, Final

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.rules_core.smartquotes import process_inlines
from markdown_it.token import Token
from mdit_py_plugins.footnote import footnote_plugin

from articles.markdown.directives import directive_rule
from articles.markdown.render_context import ENV_KEY, RenderContext, line_of

# A private-use character that stands for a backtick in a title until the text is rendered.
HIDDEN_BACKTICK: Final = "\ue000"
_TITLED_FENCE: Final = re.compile(r"^([ >]*`{3,}[^`\n]*? title=)(.*)$", re.MULTILINE)
LONGEST_PARAGRAPH: Final = 20_000  # characters
MOST_QUOTES: Final = 600  # in one paragraph


@cache
def parser() -> MarkdownIt:
    """Return the one parser of this process, which keeps nothing of a text.

    Raw HTML is parsed so that it can be refused with its line, and never reaches a page.
    Likewise, an address that markdown-it would silently leave as text is parsed as a link,
    and refused in `articles.markdown.links`.
    """
    md = MarkdownIt("commonmark", {"html": True, "typographer": True})
    md.enable(["table", "strikethrough", "smartquotes"])
    footnote_plugin(md, inline=False, move_to_end=False, always_match_refs=True)
    directive_rule(md)
    md.core.ruler.after("normalize", "titles", _hide_backticks)
    md.core.ruler.at("inline", _inline)
    md.core.ruler.at("smartquotes", _smartquotes)
    md.validateLink = _any_address  # type: ignore[method-assign]
    md.add_render_rule("made", _made)
    md.add_render_rule("html_block", _escaped)
    md.add_render_rule("html_inline", _escaped)
    md.add_render_rule("footnote_ref", _unknown_note)
    return md


def _any_address(url: str) -> bool:  # noqa: ARG001  (the parser names the argument)
    return True


def _hide_backticks(state: StateCore) -> None:
    """Hide the backticks of a code block's title, with which CommonMark would see no fence."""
    state.src = _TITLED_FENCE.sub(
        lambda found: found[1] + found[2].replace("`", HIDDEN_BACKTICK),
        state.src.replace(HIDDEN_BACKTICK, ""),
    )


def with_backticks(text: str) -> str:
    """Return the text as its author wrote it."""
    return text.replace(HIDDEN_BACKTICK, "`")


def _inline(state: StateCore) -> None:
    """Parse the paragraphs, except those above LONGEST_PARAGRAPH.

    The parser's time grows with the square of their length.
    """
    for token in state.tokens:
        if token.type != "inline":
            continue
        if token.children is None:
            token.children = []
        if len(token.content) > LONGEST_PARAGRAPH:
            making: RenderContext = state.env[ENV_KEY]
            making.say(line_of(token), _too_long(token.content))
            token.children.append(Token("text", "", 0, content=token.content))
        else:
            state.md.inline.parse(token.content, state.md, state.env, token.children)


def _smartquotes(state: StateCore) -> None:
    """Make straight quotation marks typographic, unless there are more than MOST_QUOTES."""
    for token in state.tokens:
        if token.type == "inline" and token.children:
            marks = token.content.count('"') + token.content.count("'")
            if 0 < marks <= MOST_QUOTES:
                process_inlines(token.children, state)


def _too_long(content: str) -> str:
    length = len(content) // 1000
    return f"This paragraph has {length},000 characters; write paragraphs that can be read."


def _made(_self: Any, tokens: Sequence[Token], index: int, _options: Any, _env: Any) -> str:
    return tokens[index].content


def _escaped(_self: Any, tokens: Sequence[Token], index: int, _options: Any, _env: Any) -> str:
    return escape(tokens[index].content)


def _unknown_note(_self: Any, tokens: Sequence[Token], index: int, _options: Any, _env: Any) -> str:
    return escape(f"[^{tokens[index].meta['label']}]")


def new_env(**entries: Any) -> MutableMapping[str, Any]:
    """Return the environment that the rules share while they parse one text."""
    return dict(entries)
