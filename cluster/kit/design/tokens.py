"""The colour tokens, read from the stylesheet that declares them, with their contrasts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from cluster.kit.design.contrast import contrast

SHEET: Final = Path(__file__).parents[1] / "static" / "kit" / "tokens.css"
COLOUR: Final = re.compile(r"--([a-z0-9-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)")
LENGTH: Final = re.compile(r"^  --([a-z-]+): ([\d.]+(?:rem|px));", re.MULTILINE)

# The least contrast of text, and of marks and lines with a meaning (WCAG 1.4.3, 1.4.11).
TEXT: Final = 4.5
MARK: Final = 3.0

# The purpose of each colour, and the contrast that it needs on every ground below it.
PURPOSES: Final = {
    "paper": ("the ground of every page", 0.0),
    "panel": ("fields, listings, notices", 0.0),
    "tile": ("the ground of figures", 0.0),
    "rule": ("lines that only part one thing from another", 0.0),
    "ink": ("text", TEXT),
    "ink-2": ("second text: labels, captions, navigation", TEXT),
    "ink-3": ("third text: dates, paths, codes", TEXT),
    "link": ("links and the focus ring", TEXT),
    "visited": ("links that were followed", TEXT),
    "ok": ("committed, steady, recovered", TEXT),
    "compensating": ("compensated; notices", TEXT),
    "failed": ("failed, refused, killed", TEXT),
    "unknown": ("unknown, partitioned", TEXT),
    "idle": ("rails, frames of fields", MARK),
}
GROUNDS: Final = ("paper", "panel", "tile")


@dataclass(frozen=True)
class Token:
    """One colour: its two forms, what it is for, and the least contrast found in each theme."""

    name: str
    light: str
    dark: str
    purpose: str
    needed: float
    least_light: float
    least_dark: float

    @property
    def holds(self) -> bool:
        """Return whether it has the contrast that it needs on every ground, in both themes."""
        return min(self.least_light, self.least_dark) >= self.needed


@cache
def tokens() -> tuple[Token, ...]:
    """Return all colours in the order of the stylesheet."""
    found = {name: (light, dark) for name, light, dark in COLOUR.findall(SHEET.read_text())}
    return tuple(_token(name, found) for name in found)


@cache
def lengths() -> tuple[tuple[str, str], ...]:
    """Return the sizes that the stylesheet declares, by name."""
    return tuple(dict(reversed(LENGTH.findall(SHEET.read_text()))).items())[::-1]


def _token(name: str, found: dict[str, tuple[str, str]]) -> Token:
    light, dark = found[name]
    purpose, needed = PURPOSES.get(name, ("", 0.0))
    grounds = [found[ground] for ground in GROUNDS if ground != name]
    return Token(
        name=name,
        light=light,
        dark=dark,
        purpose=purpose,
        needed=needed,
        least_light=min(contrast(light, ground) for ground, _ in grounds),
        least_dark=min(contrast(dark, ground) for _, ground in grounds),
    )
