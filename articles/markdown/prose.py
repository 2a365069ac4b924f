"""The words of a rendered text, for search and for the reading time."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from html import unescape
from typing import Final

READ_IN_A_MINUTE: Final = 230  # words of prose; code is left out
# In sanitised HTML no attribute holds a `<` or a `>`.
_TAG: Final = re.compile(r"<[^>]*>")
# Elements whose edges separate words.
_BREAK: Final = re.compile(r"</?(?:p|li|h[2-6]|td|th|div|pre|br|figcaption)\b[^>]*>")
_CODE: Final = re.compile(r"<pre\b.*?</pre>", re.DOTALL)
# Marks that are not part of the sentence.
_UNREAD: Final = re.compile(r'<(a|sup) class="(?:permalink|back|reference)".*?</\1>', re.DOTALL)


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
