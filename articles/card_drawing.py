"""An OpenGraph picture as PNG: wordmark, title, meta line and a figure, 1200 by 630 pixels.

Drawn by resvg from SVG with the site's own typefaces. No font of the machine takes
part, so the picture is the same wherever it is made.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Sequence
from importlib.resources import files
from typing import Any, Final
from xml.etree import ElementTree as ET

import resvg_py
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe
from fontTools.ttLib import TTFont

from cluster.kit.readable import readable

logger: Final = logging.getLogger(__name__)

WIDTH: Final = 1200
HEIGHT: Final = 630
MARGIN: Final = 56
INNER: Final = WIDTH - 2 * MARGIN

# Sizes of the title in pixels, each with the lines that it may take: the first that fits is
# taken. Above a figure, a single line is better than a large size.
ALONE: Final = ((104, 2), (88, 3), (72, 3), (58, 4))
ABOVE_A_FIGURE: Final = ((76, 1), (68, 1), (60, 1), (54, 2), (46, 2))
LEADING: Final = 1.06
RULES: Final = 105  # where the second of the two rules lies
FIGURE_GAP: Final = 36
FIGURE_END: Final = HEIGHT - 36

HEADING: Final = "Barlow Condensed"
MONO: Final = "DM Mono"
SVG: Final = "http://www.w3.org/2000/svg"


def draw_card(*, title: str, meta: str, site: str, figure: str = "") -> bytes:
    """Return the picture as PNG.

    `figure` is a standalone SVG document and is left out when it cannot be read.
    """
    title, meta = readable(title), readable(meta)  # SVG is XML
    drawing = _parsed(figure)
    size, lines = _fitted(title, ALONE if drawing is None else ABOVE_A_FIGURE)
    first = RULES + 22 + size * 0.92
    baselines = [first + number * size * LEADING for number in range(len(lines))]
    context = {
        "site": site,
        "meta": meta,
        "size": size,
        "lines": [(line, f"{y:.1f}") for line, y in zip(lines, baselines, strict=True)],
        "figure": "" if drawing is None else _placed(drawing, top=baselines[-1] + FIGURE_GAP),
    }
    return resvg_py.svg_to_bytes(
        svg_string=render_to_string("articles/card.svg", context),
        skip_system_fonts=True,
        font_files=list(_font_files()),
        font_family=HEADING,
        monospace_family=MONO,
        sans_serif_family=HEADING,
        serif_family=HEADING,
    )


def _parsed(figure: str) -> ET.Element | None:
    """Return the figure's root with a viewBox, or None when it is no drawing."""
    if not figure:
        return None
    try:
        root = ET.fromstring(figure)  # noqa: S314  # our own drawing
    except ET.ParseError as error:
        logger.warning("a figure could not be put on a picture: %s", error)
        return None
    if "viewBox" not in root.attrib:
        root.set("viewBox", f"0 0 {root.get('width', INNER)} {root.get('height', INNER)}")
    return root


def _placed(drawing: ET.Element, *, top: float) -> SafeString:
    """Return the figure's SVG, as large as the rest of the picture allows."""
    placed = {
        "x": str(MARGIN),
        "y": f"{top:.1f}",
        "width": str(INNER),
        "height": f"{FIGURE_END - top:.1f}",
        "preserveAspectRatio": "xMinYMin meet",
    }
    drawing.attrib.update(placed)
    ET.register_namespace("", SVG)
    return mark_safe(ET.tostring(drawing, encoding="unicode"))  # noqa: S308  # our own drawing


def _fitted(title: str, sizes: Sequence[tuple[int, int]]) -> tuple[int, list[str]]:
    """Return the first size at which the title fits, with its lines.

    At the last size, lines that do not fit are cut.
    """
    size, most = sizes[-1]
    lines: list[str] = []
    for size, most in sizes:  # the last is used below
        lines = _wrapped(title, size)
        if len(lines) <= most and max(_width(line, size) for line in lines) <= INNER:
            return size, _balanced(lines, size)
    kept = lines[:most]
    while kept[-1] and _width(f"{kept[-1]}…", size) > INNER:
        kept[-1] = kept[-1][:-1].rstrip()
    return size, [*kept[:-1], f"{kept[-1]}…"]


def _wrapped(title: str, size: int, width: float = INNER) -> list[str]:
    lines: list[str] = []
    for word in title.split():
        if lines and _width(f"{lines[-1]} {word}", size) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines or [""]


def _balanced(lines: list[str], size: int) -> list[str]:
    """Break the title into as many lines of about equal length, so that no word stands alone."""
    title, narrow = " ".join(lines), float(INNER)
    best = lines
    while len(lines) > 1:
        narrow -= size / 2
        tried = _wrapped(title, size, narrow)
        if len(tried) > len(lines) or max(_width(line, size) for line in tried) > narrow:
            return best
        best = tried
    return best


def _width(text: str, size: int) -> float:
    """Return the width of the text in the heading face, in pixels, without kerning.

    The margin covers the difference.
    """
    units, glyphs, advances = _metrics()
    advance = sum(int(advances[glyphs.get(ord(each), ".notdef")][0]) for each in text)
    return advance * size / units


@functools.cache
def _metrics() -> tuple[int, dict[int, str], Any]:
    font = TTFont(_font("fontpkg_barlow_condensed", "BarlowCondensed-SemiBold.ttf"))
    return font["head"].unitsPerEm, font.getBestCmap(), font["hmtx"].metrics


@functools.cache
def _font_files() -> tuple[str, ...]:
    return (
        _font("fontpkg_barlow_condensed", "BarlowCondensed-Medium.ttf"),
        _font("fontpkg_barlow_condensed", "BarlowCondensed-SemiBold.ttf"),
        _font("fontpkg_dm_mono", "DMMono-Regular.ttf"),
        _font("fontpkg_dm_mono", "DMMono-Medium.ttf"),
    )


def _font(package: str, name: str) -> str:
    return str(files(package) / "files" / name)
