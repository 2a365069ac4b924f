"""The stylesheet of the typefaces: ours, and what stands in for them until they have come.

A stand-in is a face of the reader's system, scaled so that a line of it is as long, and
sits as high, as a line of ours: when ours arrives, nothing on the page moves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Final

from fontTools.ttLib import TTFont

from portfolio.typefaces.faces import ARROWS, FACES, Face

# What the pages say, for the mean width of a character in it.
SAMPLE: Final = (
    "Payments had been down for eleven seconds when the saga gave up waiting. It did not fail; "
    "it turned round. Each completed step was undone in the reverse order, and the reservation "
    "it had taken four hops earlier was handed back before the process that lost it had "
    "finished restarting. Five services, each with a database of its own, carry out checkouts "
    "by sending messages over RabbitMQ. A checkout that cannot be finished turns round and "
    "undoes each step it has taken."
)


@dataclass(frozen=True)
class StandIn:
    """A face of the reader's system. `width`: mean of SAMPLE's characters, in em.

    The widths come from the faces' published metrics; `local` lists names under which
    faces of the same metrics are installed.
    """

    family: str
    local: tuple[str, ...]
    width: float


TEXT: Final = (
    StandIn("Literata from Georgia", ("Georgia", "Gelasio"), 0.4413),
    StandIn("Literata from DejaVu Serif", ("DejaVu Serif",), 0.5150),
)
HEADINGS: Final = (
    StandIn(
        "Barlow Condensed from Arial",
        ("Arial Bold", "Arial-BoldMT", "Helvetica Bold", "Helvetica-Bold", "Liberation Sans Bold"),
        0.4809,
    ),
    StandIn("Barlow Condensed from DejaVu Sans", ("DejaVu Sans Bold",), 0.5753),
)
CODE: Final = (
    StandIn("DM Mono from Menlo", ("Menlo-Regular", "DejaVu Sans Mono"), 0.6021),
    StandIn("DM Mono from Courier New", ("Liberation Mono", "Courier New"), 0.6001),
    StandIn("DM Mono from Consolas", ("Consolas",), 0.5498),
)
STAND_INS: Final = {
    "literata-400": TEXT,
    "barlow-condensed-600": HEADINGS,
    "dm-mono-400": CODE,
}


def sheet(cut: dict[str, bytes]) -> str:
    """The whole stylesheet; `cut` holds the finished faces by their names."""
    rules = ["/* Written by portfolio/typefaces/sheet.py. */"]
    rules += [_rule(face) for face in FACES]
    for name, stand_ins in STAND_INS.items():
        rules += _stand_in_rules(TTFont(BytesIO(cut[name])), stand_ins)
    return "\n".join(rules) + "\n"


def _rule(face: Face) -> str:
    arrows = face.text == ARROWS
    weight = "100 900" if arrows else str(face.weight)
    reach = "; unicode-range: U+2190-2193" if arrows else ""
    return (
        f'@font-face {{ font-family: "{face.family}"; font-weight: {weight}; '
        f"font-style: {face.style}; font-display: swap; "
        f'src: url("{face.file_name}") format("woff2"){reach} }}'
    )


def _stand_in_rules(font: TTFont, stand_ins: tuple[StandIn, ...]) -> Iterator[str]:
    units = font["head"].unitsPerEm
    width = mean_width(font)
    for stand_in in stand_ins:
        scale = width / stand_in.width
        ascent, descent = (
            abs(value) / units / scale for value in (font["hhea"].ascent, font["hhea"].descent)
        )
        sources = ", ".join(f'local("{name}")' for name in stand_in.local)
        yield (
            f'@font-face {{ font-family: "{stand_in.family}"; font-weight: 100 900; '
            f"src: {sources}; size-adjust: {scale:.2%}; ascent-override: {ascent:.2%}; "
            f"descent-override: {descent:.2%}; line-gap-override: 0% }}"
        )


def mean_width(font: TTFont) -> float:
    """The mean width of SAMPLE's characters, in em."""
    glyphs = font.getBestCmap()
    widths = [font["hmtx"][glyphs[ord(character)]][0] for character in SAMPLE]
    return float(sum(widths)) / len(widths) / float(font["head"].unitsPerEm)
