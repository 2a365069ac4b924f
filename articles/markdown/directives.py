"""`::: name words` … `:::`, as a rule of the parser.

A note holds any text. Every other directive holds its caption, one paragraph. This rule
only separates the name and the words. Later passes interpret them.
"""

from __future__ import annotations

import re
from typing import Any, Final

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.token import Token
from mdit_py_plugins.utils import is_code_block

from articles.markdown.render_context import ENV_KEY, RenderContext
from articles.options import shortened

NOTE: Final = "note"
CAPTIONED: Final = ("listing", "figure", "measurement")
KNOWN: Final = (*CAPTIONED, NOTE)

_MARKER: Final = re.compile(r"^:{3,}[ \t]*(?P<name>[^\s:]\S*)?[ \t]*(?P<words>.*)$")
_FENCE: Final = re.compile(r"^(`{3,}|~{3,})")
# Key of the pairs of opening and closing lines found so far, so that each line is read once.
_PAIRS: Final = "directive pairs"


def directive_rule(md: MarkdownIt) -> None:
    """Add the rule to the parser."""
    md.block.ruler.before(
        "fence", "directive", _directive, {"alt": ["paragraph", "blockquote", "list", "table"]}
    )


def _directive(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    if is_code_block(state, start):
        return False
    marker = _MARKER.match(_line(state, start))
    if marker is None:
        return False
    if silent:
        return True
    making: RenderContext = state.env[ENV_KEY]
    name, words = marker["name"], marker["words"].strip()
    closing = _closing_line(state, start, end)
    if name is None:
        _refuse(state, making, start, "This “:::” closes nothing.")
    elif name not in KNOWN:
        known = ", ".join(KNOWN)
        _refuse(state, making, start, f"There is no “::: {shortened(name)}”; known are: {known}.")
    elif closing is None:
        _refuse(state, making, start, f"The “::: {name}” on this line is never closed by “:::”.")
    elif name == NOTE:
        _note(state, start, closing, words)
    else:
        _captioned(state, start, closing, name, words)
    return True


def _refuse(state: StateBlock, making: RenderContext, start: int, sentence: str) -> None:
    state.tokens.append(making.refuse(start + 1, sentence))
    state.line = start + 1


def _note(state: StateBlock, start: int, closing: int, words: str) -> None:
    opened = state.push("note_open", "", 1)
    opened.map = [start, closing + 1]
    opened.meta = {"title": words}
    parent, state.parentType = state.parentType, "directive"
    before, state.lineMax = state.lineMax, closing
    state.md.block.tokenize(state, start + 1, closing)
    state.parentType, state.lineMax = parent, before
    state.push("note_close", "", -1)
    state.line = closing + 1


def _captioned(state: StateBlock, start: int, closing: int, name: str, words: str) -> None:
    opened = state.push("directive_open", "", 1)
    opened.map = [start, closing + 1]
    opened.info = name
    opened.meta = {"words": words}
    caption = state.push("inline", "", 0)
    # Empty lines are kept until the parser has counted them: a problem names its line.
    caption.content = state.getLines(start + 1, closing, state.blkIndent, False).strip()
    first = start + 1
    while first < closing and not _line(state, first).strip():
        first += 1
    caption.map = [first, closing]
    caption.children = []
    state.push("directive_close", "", -1)
    state.line = closing + 1


def _closing_line(state: StateBlock, start: int, end: int) -> int | None:
    """Return the line that closes the directive begun at `start`, if any."""
    pairs: dict[tuple[int, int], tuple[int, dict[int, int]]] = state.env.setdefault(_PAIRS, {})
    place = (end, state.blkIndent)
    if place not in pairs or start < pairs[place][0]:
        pairs[place] = (start, _pair(state, start, end))
    return pairs[place][1].get(start)


def _pair(state: StateBlock, start: int, end: int) -> dict[int, int]:
    """Return the opening lines with their closing lines.

    Lines inside a code block are code.
    """
    opened: list[int] = []
    pairs: dict[int, int] = {}
    fence = ""
    for number in range(start, end):
        line = _line(state, number)
        if line and state.sCount[number] < state.blkIndent:
            break  # the list item ends here
        if fence:
            if line.startswith(fence) and not line.strip(fence[0]).strip():
                fence = ""
        elif found := _FENCE.match(line):
            fence = found[1]
        elif marker := _MARKER.match(line):
            if marker["name"] is not None:
                opened.append(number)
            elif opened:
                pairs[opened.pop()] = number
    return pairs


def _line(state: StateBlock, number: int) -> str:
    return state.src[state.bMarks[number] + state.tShift[number] : state.eMarks[number]]


def words_of(token: Token) -> str:
    """Return the words after the directive's name."""
    meta: dict[str, Any] = token.meta
    return str(meta["words"])
