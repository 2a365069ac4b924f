"""Errors that a person reads as one plain sentence. Standard library only."""

from __future__ import annotations

import errno


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


def disk_words(error: OSError) -> str:
    """Return the reason for which a file or folder could not be read or written."""
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            reason = "the disk is full"
        case errno.EROFS:
            reason = "the disk is read-only"
        case errno.EACCES | errno.EPERM:
            reason = "this user may not use it"
        case _:
            reason = error.strerror or type(error).__name__
    return f"{error.filename}: {reason}" if error.filename else reason
