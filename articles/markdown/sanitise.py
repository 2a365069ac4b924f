"""The allow-list for every rendered text, from which all that is not listed is removed.

The renderer already escapes its input. This is a second barrier, by another parser.
"""

from __future__ import annotations

from typing import Final

import nh3

TAGS: Final = frozenset(
    {
        *("a", "blockquote", "br", "code", "del", "div", "em", "figcaption", "figure"),
        *("h2", "h3", "h4", "h5", "h6", "hr", "img", "li", "ol", "p", "pre", "s", "span"),
        *("strong", "sup", "table", "tbody", "td", "th", "thead", "tr", "ul"),
    }
)
ATTRIBUTES: Final = {
    "a": {"href", "title", "class", "aria-label"},
    "code": {"class"},
    "div": {"class", "id", "role", "tabindex", "aria-label", "data-figure", "data-options"},
    "figure": {"class", "id"},
    "h2": {"id"},
    "h3": {"id"},
    "h4": {"id"},
    "h5": {"id"},
    "h6": {"id"},
    "img": {"src", "alt", "title"},
    "ol": {"start"},
    "p": {"class"},
    "pre": {"class"},
    "span": {"class", "data-number"},
    "sup": {"class", "id"},
    "td": {"class"},
    "th": {"class", "scope"},
}
SCHEMES: Final = frozenset({"http", "https", "mailto"})

_CLEANER: Final = nh3.Cleaner(
    tags=set(TAGS),
    attributes={tag: set(names) for tag, names in ATTRIBUTES.items()},
    url_schemes=set(SCHEMES),
    link_rel=None,
)


def sanitise(html: str) -> str:
    """Return the HTML without anything that is not on the list."""
    return _CLEANER.clean(html)
