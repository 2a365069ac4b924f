"""Problems of a text, each as one plain sentence with its line."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class MarkdownProblem:
    """One thing that keeps a text from being published, with its line, counted from 1."""

    line: int
    sentence: str

    def __str__(self) -> str:
        return f"Line {self.line}: {self.sentence}"


class Refused(Exception):
    """A part of the text that cannot be made. The message says why, without the line."""
