"""The contrast of two colours, as WCAG 2.2 measures it."""

from __future__ import annotations

from typing import Final

# The weights of the channels, and the curve of sRGB: WCAG 2.2, "relative luminance".
WEIGHTS: Final = (0.2126, 0.7152, 0.0722)
LINEAR_UP_TO: Final = 0.04045


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
