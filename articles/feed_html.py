"""An article's HTML for feeds: whole, with absolute addresses and without live parts.

A feed reader has neither our style sheet nor our scripts. A figure becomes its caption
with a link to the page that draws it, and marks that only serve the page are left out.
"""

from __future__ import annotations

from html import escape
from html.parser import HTMLParser
from typing import Final
from urllib.parse import urljoin

from django.utils.safestring import SafeString, mark_safe

from cluster.kit.readable import readable

KEPT_ATTRIBUTES: Final = frozenset(
    {"href", "src", "alt", "title", "id", "colspan", "rowspan", "scope", "start", "datetime"}
)
ADDRESSES: Final = frozenset({"href", "src"})
EMPTY: Final = frozenset({"br", "hr", "img", "col", "wbr"})
# Only the page can draw these.
DRAWN: Final = frozenset({"svg", "script", "style", "button", "template"})
# Marks that help only on the page.
LEFT_OUT: Final = frozenset({"permalink", "back"})


def feed_html(html: str, *, address: str) -> SafeString:
    """Return the article's `html` for its feeds.

    `address` is the absolute address of its page.
    """
    rewriting = _Rewriting(address)
    rewriting.feed(readable(html))
    rewriting.close()
    return mark_safe("".join(rewriting.parts))  # noqa: S308  # sanitised when it was saved


class _Rewriting(HTMLParser):
    def __init__(self, address: str) -> None:
        super().__init__(convert_charrefs=False)
        self.parts: list[str] = []
        self._address = address
        self._skipped: list[str] = []  # open elements that are left out
        self._figure = ""  # the id of the figure we are in

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        classes = (given.get("class") or "").split()
        if self._skipped:
            if tag not in EMPTY:
                self._skipped.append(tag)
            return
        if tag == "figure":
            self._figure = given.get("id") or ""
        if "data-figure" in given:
            self.parts.append(self._link_to_figure())
            self._skipped.append(tag)
            return
        if tag in DRAWN or not LEFT_OUT.isdisjoint(classes):
            self._skipped.append(tag)
            return
        kept = "".join(
            f' {name}="{escape(self._absolute(name, value or ""))}"'
            for name, value in attrs
            if name in KEPT_ATTRIBUTES
        )
        self.parts.append(f"<{tag}{kept}>")

    def handle_endtag(self, tag: str) -> None:
        if self._skipped:
            if tag not in EMPTY:
                self._skipped.pop()
            return
        if tag not in EMPTY:
            self.parts.append(f"</{tag}>")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        # As browsers read HTML, the closing slash means nothing, except inside a drawing.
        if not self._skipped:
            self.handle_starttag(tag, attrs)

    def handle_data(self, data: str) -> None:
        if not self._skipped:
            self.parts.append(data)

    def handle_entityref(self, name: str) -> None:
        if not self._skipped:
            self.parts.append(f"&{name};")

    def handle_charref(self, name: str) -> None:
        if not self._skipped:
            self.parts.append(f"&#{name};")

    def _absolute(self, name: str, value: str) -> str:
        return urljoin(self._address, value) if name in ADDRESSES else value

    def _link_to_figure(self) -> str:
        place = escape(f"{self._address}#{self._figure}" if self._figure else self._address)
        return f'<p><a href="{place}">This figure is drawn from the running cluster.</a></p>'
