"""The words after a fence or a directive: `train-graph window=20 title="Two words" wide`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from articles.problems import Refused

_WORD: Final = re.compile(
    r"""\s*(?:(?P<key>[A-Za-z][\w-]*)=(?:"(?P<quoted>[^"]*)"|(?P<bare>[^\s"]+))|(?P<word>[^\s"=]+))(?=\s|$)"""
)
_RANGE: Final = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?")


@dataclass(frozen=True, slots=True)
class Words:
    """Plain words in their order, and options by name."""

    plain: list[str] = field(default_factory=list)
    options: dict[str, str] = field(default_factory=dict)


def parse_words(text: str) -> Words:
    """Split the text of an author into words and options.

    Raises Refused where it cannot be read.
    """
    words = Words()
    position = 0
    text = text.strip()
    while position < len(text):
        found = _WORD.match(text, position)
        if found is None:
            raise Refused(
                f'“{shortened(text[position:])}” is neither a word nor an option such as hl="3-5".'
            )
        if found["key"]:
            if found["key"] in words.options:
                raise Refused(f"The option “{found['key']}” is given twice.")
            given = found["quoted"] if found["quoted"] is not None else found["bare"]
            words.options[found["key"]] = given
        else:
            words.plain.append(found["word"])
        position = found.end()
    return words


def allow_only(words: Words, *names: str) -> None:
    """Raise Refused when an option is given that is not in `names`."""
    for name in words.options:
        if name not in names:
            known = " and ".join(f"“{each}”" for each in names) or "none"
            raise Refused(f"There is no option “{shortened(name)}” here; known: {known}.")


def line_numbers(text: str, *, last: int) -> frozenset[int]:
    """Return `2,4-5` as {2, 4, 5}.

    Raises Refused for other text, and for a line beyond `last`.
    """
    numbers: set[int] = set()
    for part in filter(None, (each.strip() for each in text.split(","))):
        found = _RANGE.fullmatch(part)
        if found is None:
            raise Refused(f"“{shortened(part)}” names no lines; write them as 2,4-5.")
        begin, end = int(found[1]), int(found[2] or found[1])
        if not 1 <= begin <= end <= last:
            raise Refused(f"The lines {part} cannot be marked: the listing has {last} lines.")
        numbers.update(range(begin, end + 1))
    return frozenset(numbers)


def shortened(text: str, length: int = 60) -> str:
    """Return the text in one line, cut when it is too long for a sentence."""
    flat = " ".join(text.split())
    return flat if len(flat) <= length else f"{flat[: length - 1]}…"
