"""The changes of one revision against another, line by line, for people to read."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Final, Protocol

CONTEXT: Final = 2  # unchanged lines shown around a change
# Longest text that is compared: the comparison's time grows with the square of the lines.
MOST_LINES: Final = 5_000


class Text(Protocol):
    """A revision, or any object with these parts."""

    title: str
    summary: str
    body: str


@dataclass(frozen=True)
class Line:
    """One line of a difference.

    `sign` is "+", "-", " ", or "@" before each changed place.
    """

    sign: str
    text: str


@dataclass(frozen=True)
class Difference:
    """The changed places in their order, with the numbers of lines removed and added."""

    lines: list[Line]
    added: int
    removed: int


def difference(before: Text, after: Text) -> Difference:
    """Return the lines that differ, with CONTEXT unchanged lines around them."""
    old, new = _lines(before), _lines(after)
    shown: list[Line] = []
    # The first two lines name files, and there are none here.
    for text in list(difflib.unified_diff(old, new, n=CONTEXT, lineterm=""))[2:]:
        sign = text[:1] if text[:1] in {"+", "-", "@"} else " "
        shown.append(Line(sign=sign, text=_place(text) if sign == "@" else text[1:]))
    return Difference(
        lines=shown,
        added=sum(line.sign == "+" for line in shown),
        removed=sum(line.sign == "-" for line in shown),
    )


def _lines(text: Text) -> list[str]:
    lines = [f"Title: {text.title}", f"Summary: {text.summary}", "", *text.body.splitlines()]
    return lines[:MOST_LINES]


def _place(header: str) -> str:
    """Return `@@ -3,7 +3,8 @@` as "line 3", the place in the newer text."""
    return f"line {header.split('+', 1)[1].split(' ', 1)[0].split(',', 1)[0]}"
