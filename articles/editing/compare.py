"""Comparison of two texts beside each other, with the words that differ marked, made for prose."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Final

CONTEXT: Final = 2  # unchanged lines shown around a change
# Words in one changed place: beyond that, marking single words takes long and does not help.
MOST_WORDS: Final = 3_000
_WORDS: Final = re.compile(r"\s+|\w+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text that the other side has too, or does not have."""

    text: str
    same: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A line on each side, None where a side has none, or a gap of `skipped` unchanged lines."""

    before: list[Piece] | None = None
    after: list[Piece] | None = None
    changed: bool = False
    before_number: int | None = None
    after_number: int | None = None
    skipped: int = 0


@dataclass(slots=True)
class Comparison:
    """The rows, with the numbers of words added and removed."""

    rows: list[Row] = field(default_factory=list)
    added: int = 0
    removed: int = 0

    @property
    def same(self) -> bool:
        return not any(row.changed for row in self.rows)


def compare(before: str, after: str) -> Comparison:
    """Compare two texts line by line, and the lines that differ word by word."""
    old, new = before.splitlines(), after.splitlines()
    found = Comparison()
    for kind, a, b, c, d in SequenceMatcher(None, old, new).get_opcodes():
        if kind == "equal":
            found.rows += _unchanged(old[a:b], a, c, first=a == 0, last=b == len(old))
        else:
            found.rows += _changed(old[a:b], new[c:d], a, c, found)
    return found


def _unchanged(
    lines: Sequence[str], old: int, new: int, *, first: bool, last: bool
) -> Iterator[Row]:
    head = 0 if first else CONTEXT
    tail = 0 if last else CONTEXT
    gap = len(lines) - head - tail
    for index, line in enumerate(lines):
        if gap > 1 and head <= index < head + gap:
            if index == head:
                yield Row(skipped=gap)
            continue
        piece = [Piece(line, same=True)]
        yield Row(piece, piece, before_number=old + index + 1, after_number=new + index + 1)


def _changed(
    old: Sequence[str], new: Sequence[str], old_at: int, new_at: int, found: Comparison
) -> Iterator[Row]:
    for index, (before, after) in enumerate(zip_longest(old, new)):
        left, right = _pieces(before, after)
        found.removed += sum(_words(piece.text) for piece in left or [] if not piece.same)
        found.added += sum(_words(piece.text) for piece in right or [] if not piece.same)
        yield Row(
            left,
            right,
            changed=True,
            before_number=old_at + index + 1 if before is not None else None,
            after_number=new_at + index + 1 if after is not None else None,
        )


def _pieces(before: str | None, after: str | None) -> tuple[list[Piece] | None, list[Piece] | None]:
    if before is None or after is None:
        return (
            None if before is None else [Piece(before, same=False)],
            None if after is None else [Piece(after, same=False)],
        )
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    if len(old) + len(new) > MOST_WORDS:
        return [Piece(before, same=False)], [Piece(after, same=False)]
    left, right = [], []
    for kind, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if a < b:
            left.append(Piece("".join(old[a:b]), same=kind == "equal"))
        if c < d:
            right.append(Piece("".join(new[c:d]), same=kind == "equal"))
    return left, right


def _words(text: str) -> int:
    return len(re.findall(r"\w+", text))
