"""Command-line values, checked where they are read, with a plain sentence for each refusal.

Misuse passes through argparse, which would print its usage in front of the sentence.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from compose.errors import Misuse


def whole_number(what: str, *, least: int, most: int) -> Callable[[str], int]:
    """Return a reader of whole numbers from `least` to `most`, which raises Misuse for others."""

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            raise Misuse(f"The {what} must be a whole number, not {text!r}.") from None
        if not least <= number <= most:
            raise Misuse(f"The {what} must lie between {least} and {most}, and {number} does not.")
        return number

    return read


DAY: Final = 86_400  # seconds


def seconds(text: str) -> float:
    """Read a time of zero seconds up to a day.

    Raises Misuse for anything else.
    """
    try:
        number = float(text)
    except ValueError:
        raise Misuse(f"{text!r} is not a number of seconds.") from None
    if not 0 <= number <= DAY:  # also refuses nan
        raise Misuse(f"The time must lie between 0 and {DAY} s, not {text}.")
    return number
