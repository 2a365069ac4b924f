"""What can be wrong with a text, told in one plain sentence and its line."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class MarkdownProblem:
    """One thing that keeps a text from being published; `line` counts from 1."""

    line: int
    sentence: str

    def __str__(self) -> str:
        return f"Line {self.line}: {self.sentence}"


class Refused(Exception):
    """A part of the text cannot be made; the message says why, without the line."""
