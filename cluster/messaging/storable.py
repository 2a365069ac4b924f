"""Text that PostgreSQL can hold: all characters but NUL and the halves of surrogate pairs."""

from __future__ import annotations

import re
from typing import Final

UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")


def storable_text(text: str) -> str:
    """Return `text` with U+FFFD for each character that PostgreSQL's text cannot hold."""
    return UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text)
