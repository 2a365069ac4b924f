"""A figure alone, as SVG with colours and size of its own, for the OpenGraph image."""

from __future__ import annotations

import logging
from typing import Final

from articles.figures.registry import parse_reference
from articles.problems import Refused

logger: Final = logging.getLogger(__name__)


def picture(reference: str) -> str | None:
    """Return the SVG of a figure such as `train-graph window=20`.

    None when there is no such figure, or when it has no data now.
    """
    try:
        figure, options = parse_reference(reference)
    except Refused as refusal:
        logger.warning("there is no figure “%s” for a picture: %s", reference, refusal)
        return None
    try:
        drawn: str | None = figure.load("picture")(options)
    except Exception:  # a missing picture must not take its article down
        logger.exception("the figure %s could not be drawn for a picture", reference)
        return None
    return drawn
