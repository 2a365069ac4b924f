"""Figures that articles name, and that are drawn when a page is requested.

A stored text holds only a figure's name and options, in an empty element:

    <div data-figure="train-graph" data-options="{&quot;window&quot;: 20}"></div>

`fill` puts the drawing there; `assets` returns the sheets and scripts of the page;
`picture` draws a figure alone, for the OpenGraph image.
"""

from __future__ import annotations

from articles.figures.fill import Assets, assets, fill, picture
from articles.figures.registry import FIGURES, Figure, checked_options

__all__ = ["FIGURES", "Assets", "Figure", "assets", "checked_options", "fill", "picture"]
