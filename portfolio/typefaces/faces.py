"""Which faces the site has, and what is left in each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

PRINTABLE: Final = "".join(map(chr, (*range(0x20, 0x7F), *range(0xA0, 0x100))))
SIGNS: Final = "–—‘’‚“”„†•…′″€™−≈≠≤≥×ŒœŠšŽžŸłŁ"
LATIN: Final = PRINTABLE + "".join(sign for sign in SIGNS if sign not in PRINTABLE)
ARROWS: Final = "←↑→↓"


@dataclass(frozen=True)
class Face:
    """One file to cut. `axes` pins those of a variable font."""

    name: str
    family: str
    package: str
    file: str
    weight: int
    style: str = "normal"
    axes: Mapping[str, float] = field(default_factory=dict)
    text: str = LATIN
    # Glyphs to show in place of the usual ones, by character.
    forms: Mapping[str, str] = field(default_factory=dict)

    @property
    def file_name(self) -> str:
        return f"{self.name}.woff2"


# The optical size for the body's 19 px: sturdier hairlines than the display cut, and what a
# browser would choose by itself from the variable font, which weighs ten times as much.
_OPTICAL_SIZE: Final = 16.0


def _literata(
    name: str,
    file: str,
    weight: int,
    *,
    family: str = "Literata",
    style: str = "normal",
    text: str = LATIN,
) -> Face:
    return Face(
        name=name,
        family=family,
        package="fontpkg_literata",
        file=file,
        weight=weight,
        style=style,
        axes={"opsz": _OPTICAL_SIZE, "wght": weight},
        text=text,
    )


def _barlow(name: str, file: str, weight: int) -> Face:
    return Face(
        name=name,
        family="Barlow Condensed",
        package="fontpkg_barlow_condensed",
        file=file,
        weight=weight,
    )


def _mono(name: str, file: str, weight: int) -> Face:
    return Face(
        name=name,
        family="DM Mono",
        package="fontpkg_dm_mono",
        file=file,
        weight=weight,
        # The upright f, without the tail that is taken for a florin sign in a hexadecimal name.
        forms={"f": "f.ss05"},
    )


FACES: Final = (
    _literata("literata-400", "Literata[opsz,wght].ttf", 400),
    _literata("literata-400-italic", "Literata-Italic[opsz,wght].ttf", 400, style="italic"),
    _literata("literata-700", "Literata[opsz,wght].ttf", 700),
    # Barlow Condensed and DM Mono have no arrows: all families borrow these.
    _literata("arrows", "Literata[opsz,wght].ttf", 500, family="Arrows", text=ARROWS),
    _barlow("barlow-condensed-500", "BarlowCondensed-Medium.ttf", 500),
    _barlow("barlow-condensed-600", "BarlowCondensed-SemiBold.ttf", 600),
    _mono("dm-mono-400", "DMMono-Regular.ttf", 400),
    _mono("dm-mono-500", "DMMono-Medium.ttf", 500),
)
# Served beside the faces, as the licence asks.
LICENCES: Final = {
    "literata-OFL.txt": "fontpkg_literata",
    "barlow-condensed-OFL.txt": "fontpkg_barlow_condensed",
    "dm-mono-OFL.txt": "fontpkg_dm_mono",
}
