"""The words of a rendered text, for search and for the reading time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Final

READ_IN_A_MINUTE: Final = 230  # words of prose; code is left out
# Elements whose edges separate words.
_BREAKS: Final = frozenset(
    {"p", "li", "h2", "h3", "h4", "h5", "h6", "td", "th", "div", "pre", "br", "figcaption"}
)
# Classes of marks that are not part of the sentence.
_UNREAD: Final = frozenset({"permalink", "back", "reference"})


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
    """Return the words that a reader reads in the HTML."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    text = "\n".join(filter(None, (" ".join(line.split()) for line in reader.lines())))
    return Prose(text=text, words=reader.words)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._parts: list[str] = []
        self._unread: list[str] = []
        self._code = 0
        self._prose: list[str] = []

    @property
    def words(self) -> int:
        return sum(any(c.isalnum() for c in word) for word in "".join(self._prose).split())

    def lines(self) -> list[str]:
        return "".join(self._parts).split("\n")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._break(tag)
        if tag == "pre":
            self._code += 1
        if self._unread or (dict(attrs).get("class") or "") in _UNREAD:
            self._unread.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._unread and tag == self._unread[-1]:
            self._unread.pop()
        if tag == "pre":
            self._code -= 1
        self._break(tag)

    def handle_data(self, data: str) -> None:
        if self._unread:
            return
        self._parts.append(data)
        if not self._code:
            self._prose.append(data)

    def _break(self, tag: str) -> None:
        if tag in _BREAKS:
            self._parts.append("\n")
            self._prose.append("\n")
