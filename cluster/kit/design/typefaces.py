"""The site's typefaces, read from the stylesheet and the files that are served.

docs/adr/0013-typefaces.md says which they are, and how the files were made.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parents[1] / "static" / "kit" / "typefaces"
STATIC: Final = "kit/typefaces"  # the folder's path among the static files
FACE: Final = re.compile(
    r'@font-face { font-family: "(?P<family>[^"]+)"; font-weight: (?P<weight>[\d ]+); '
    r'font-style: (?P<style>\w+); .*url\("(?P<file>[^"]+)"\)'
)
# The licence asks to be served beside the faces.
LICENCES: Final = {
    "Literata": f"{STATIC}/literata-OFL.txt",
    "Barlow Condensed": f"{STATIC}/barlow-condensed-OFL.txt",
    "DM Mono": f"{STATIC}/dm-mono-OFL.txt",
}


@dataclass(frozen=True)
class Face:
    """One served file: its family, weight, style, size in bytes and characters."""

    family: str
    weight: str
    style: str
    size: int
    characters: frozenset[str]


@cache
def faces() -> tuple[Face, ...]:
    """Return every face of `typefaces.css`, in the order of the sheet."""
    from fontTools.ttLib import TTFont  # takes a while to load, and one page needs it

    return tuple(
        Face(
            family=found["family"],
            weight=found["weight"],
            style=found["style"],
            size=(FOLDER / found["file"]).stat().st_size,
            characters=frozenset(map(chr, TTFont(FOLDER / found["file"]).getBestCmap())),
        )
        for found in FACE.finditer((FOLDER / "typefaces.css").read_text())
    )
