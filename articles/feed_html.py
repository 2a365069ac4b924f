"""An article's HTML for feeds: whole, with absolute addresses and without live parts.

A feed reader has neither our style sheet nor our scripts. A figure becomes its caption
with a link to the page that draws it, and marks that only serve the page are left out.
"""

from __future__ import annotations

import re
from html import escape
from typing import Final
from urllib.parse import urljoin

import nh3
from django.utils.safestring import SafeString, mark_safe

from articles.markdown.sanitise import SCHEMES, TAGS
from cluster.kit.readable import readable

KEPT_ATTRIBUTES: Final = frozenset(
    {"href", "src", "alt", "title", "id", "colspan", "rowspan", "scope", "start", "datetime"}
)
ADDRESSES: Final = frozenset({"href", "src"})
# Only the page can draw these, so they are left out with what they contain.
DRAWN: Final = frozenset({"svg", "script", "style", "button", "template"})
# As articles/markdown/ writes them.
_MARK: Final = re.compile(r'<a class="(?:permalink|back)"[^>]*>[^<]*</a>')
_FIGURE: Final = re.compile(
    r'(?P<opening><figure[^>]* id="(?P<id>[^"]*)">\s*)?'
    r'<div data-figure="[^"]*" data-options="[^"]*"></div>'
)


def feed_html(html: str, *, address: str) -> SafeString:
    """Return the article's `html` for its feeds.

    `address` is the absolute address of its page.
    """

    def link(figure: re.Match[str]) -> str:
        place = escape(f"{address}#{figure['id']}" if figure["id"] else address)
        sentence = f'<p><a href="{place}">This figure is drawn from the running cluster.</a></p>'
        return (figure["opening"] or "") + sentence

    def absolute(_tag: str, name: str, value: str) -> str:
        return urljoin(address, value) if name in ADDRESSES else value

    cleaned = nh3.clean(
        _FIGURE.sub(link, _MARK.sub("", readable(html))),
        tags=set(TAGS),
        clean_content_tags=set(DRAWN),
        attributes={"*": set(KEPT_ATTRIBUTES)},
        attribute_filter=absolute,
        url_schemes=set(SCHEMES),
        link_rel=None,
    )
    return mark_safe(cleaned)  # noqa: S308  # cleaned in the lines above
