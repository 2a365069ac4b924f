"""Cut one face: some hundreds of kilobytes become ten or twenty."""

from __future__ import annotations

import logging
from functools import cache
from importlib.resources import files
from io import BytesIO
from typing import Final

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from fontTools.varLib.instancer import instantiateVariableFont

from portfolio.typefaces.faces import ARROWS, LATIN, Face

# It tells every glyph it keeps.
logging.getLogger("fontTools").setLevel(logging.WARNING)

# Kerning, ligatures, accents put together, tabular and lining figures.
FEATURES: Final = ("kern", "liga", "ccmp", "locl", "mark", "mkmk", "tnum", "lnum")
# Copyright, names, version, licence and its address: the licence asks that they stay.
NAMES: Final = (0, 1, 2, 3, 4, 5, 6, 13, 14)


def cut(face: Face) -> bytes:
    """The face as WOFF2, with the glyphs of its text alone; takes up to two seconds."""
    font = _read(_source(face.package, face.file))
    for character, glyph in face.forms.items():
        for table in font["cmap"].tables:
            if ord(character) in table.cmap:
                table.cmap[ord(character)] = glyph
    _subset(font, face.text)
    if face.axes:
        font = instantiateVariableFont(_read(_saved(font)), dict(face.axes), inplace=True)
    if "STAT" in font:
        del font["STAT"]  # describes the axes that are gone
    font.flavor = "woff2"
    return _saved(font)


@cache
def _source(package: str, file: str) -> bytes:
    """A foundry's file; a variable one, from which several faces are cut, cut down once first.

    Pinning axes of a thousand glyphs to keep two hundred would take far longer.
    """
    source = (files(package) / "files" / file).read_bytes()
    font = _read(source)
    if "fvar" not in font:
        return source
    _subset(font, LATIN + ARROWS)
    return _saved(font)


def _subset(font: TTFont, text: str) -> None:
    if "gvar" in font:
        # The subsetter removes glyphs that the table would still have to be read by.
        for glyph in font.getGlyphOrder():
            font["gvar"].variations[glyph]
    subsetter = Subsetter(_options())
    subsetter.populate(text=text)
    subsetter.subset(font)


def _options() -> Options:
    options = Options()
    options.layout_features = list(FEATURES)
    options.hinting = False  # screens that would need it are gone
    options.name_IDs = list(NAMES)
    options.notdef_outline = True
    options.drop_tables += ["DSIG", "meta"]
    return options


def _saved(font: TTFont) -> bytes:
    output = BytesIO()
    font.save(output)
    return output.getvalue()


def _read(content: bytes) -> TTFont:
    return TTFont(BytesIO(content))
