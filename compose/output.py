"""Output that fits the encoding of its reader, and never changes a command's exit status.

Standard library only. An exit status says yes or no. A terminal that knows no dashes, a
reader that ends early (`| head -1`) and a closed output do not change it.
"""

from __future__ import annotations

import codecs
import io
import os
import sys
from typing import Any, Final, TextIO

PLAINLY: Final = "plainly"
# An encoding without these signs shows these characters in their place.
STAND_INS: Final = {
    "✓": "+", "✗": "x", "…": "...", "–": "-", "—": "-", "→": "->", "×": "x", "·": "-",
    "’": "'", "‘": "'", "“": '"', "”": '"', "\N{NO-BREAK SPACE}": " ",
}  # fmt: skip


class Unfailing(io.FileIO):
    """An output that accepts every write, even after its reader has gone."""

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError:
            return memoryview(data).nbytes


def never_fail() -> None:
    """Let nothing that this process prints raise an error. Called at the start of a command."""
    codecs.register_error(PLAINLY, _plainly)
    sys.stdout = _unfailing(sys.stdout)
    sys.stderr = _unfailing(sys.stderr)


def _unfailing(stream: TextIO | None) -> TextIO:
    try:
        if stream is None:  # closed before the start; another file may have its number by now
            raise OSError  # noqa: TRY301
        number = stream.fileno()
        terminal = os.isatty(number)
        raw = Unfailing(number, "wb", closefd=False)
        stream.flush()
    except OSError:
        return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123  (lives as long as we)
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=stream.encoding,
        errors=PLAINLY,
        line_buffering=terminal or number == 2,  # noqa: PLR2004  (standard error)
    )


def _plainly(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    signs = error.object[error.start : error.end]
    return "".join(STAND_INS.get(sign, "?") for sign in signs), error.end
