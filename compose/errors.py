"""Errors that a person reads as one plain sentence. Standard library only."""

from __future__ import annotations


class PlainError(Exception):
    """Something a person has to know or to mend, with the sentence they read as its message.

    `status` is the exit status of the command: 1 for "no", 2 for misuse.
    """

    def __init__(self, message: str, *, status: int = 1) -> None:
        super().__init__(message)
        self.status = status


class Misuse(PlainError):
    """The command line asks for something that does not exist or makes no sense."""

    def __init__(self, message: str) -> None:
        super().__init__(message, status=2)
