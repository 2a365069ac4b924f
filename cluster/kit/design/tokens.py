"""The colour tokens, read from the stylesheet that declares them, with their contrasts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

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

# The weights of the channels, and the curve of sRGB: WCAG 2.2, "relative luminance".
WEIGHTS: Final = (0.2126, 0.7152, 0.0722)
LINEAR_UP_TO: Final = 0.04045


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


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours written #rrggbb, from 1 (the same) to 21."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return sum(weight * _linear(channel) for weight, channel in zip(WEIGHTS, channels, strict=True))


def _linear(channel: float) -> float:
    if channel <= LINEAR_UP_TO:
        return channel / 12.92
    return float(((channel + 0.055) / 1.055) ** 2.4)
