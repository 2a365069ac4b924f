"""The style of a picture on its own: `train-graph.css` with its variables filled in.

A raster or a file knows no custom properties, so they are replaced by the values in
`tokens.css`: there is one source for each colour.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Final, Literal

from django.contrib.staticfiles import finders

Theme = Literal["light", "dark"]

PICTURE: Final = re.compile(r"/\* picture \*/(.*?)/\* end of picture \*/", re.DOTALL)
TOKEN: Final = re.compile(r"(--[\w-]+):\s*([^;]+);")
EITHER: Final = re.compile(r"light-dark\(([^,]+),\s*([^)]+)\)")
USE: Final = re.compile(r"var\((--[\w-]+)\)")


@functools.cache
def picture_style(theme: Theme) -> str:
    """Return the rules that a picture carries, in `theme`'s colours."""
    rules = PICTURE.search(_text("kit/train-graph.css"))
    if rules is None:
        raise LookupError("train-graph.css does not say which of its rules a picture carries")
    tokens = _tokens(theme)
    return USE.sub(lambda use: tokens[use[1]], rules[1]).strip()


def _tokens(theme: Theme) -> dict[str, str]:
    """Return the value of each token in `theme`, from its first mention. Others are for print."""
    chosen = 1 if theme == "light" else 2
    tokens: dict[str, str] = {}
    for name, value in TOKEN.findall(_text("kit/tokens.css")):
        tokens.setdefault(name, EITHER.sub(lambda either: either[chosen], value))
    return tokens


def _text(name: str) -> str:
    path = finders.find(name)
    if path is None:
        raise LookupError(f"{name} is not among the static files")
    return Path(path).read_text(encoding="utf-8")
