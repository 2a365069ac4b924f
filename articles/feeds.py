"""The write-ups as feeds with their full text: Atom 1.0 (RFC 4287) and JSON Feed 1.1.

Both are kept by the page cache, which also answers conditional requests
(If-None-Match, If-Modified-Since).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import datetime
from html import escape
from typing import Any, Final
from urllib.parse import urljoin

import nh3
from django.contrib.syndication.views import Feed
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.feedgenerator import Atom1Feed
from django.utils.http import http_date
from django.utils.safestring import SafeString, mark_safe
from django.utils.xmlutils import SimplerXMLGenerator

from articles.markdown.sanitise import SCHEMES, TAGS
from articles.models import Article
from articles.owner.models import Profile
from articles.views import for_readers
from cluster.kit.navigation import SITE
from cluster.kit.readable import readable
from config.environment import canonical_origin

# Full texts: a weekly reader misses nothing, and the file stays below a megabyte.
MOST: Final = 20
TITLE: Final = f"{SITE}: articles"
SUBTITLE: Final = "Write-ups on distributed systems, each checked against a running cluster."
LANGUAGE: Final = "en-GB"
JSON_FEED: Final = "https://jsonfeed.org/version/1.1"

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


def newest() -> list[Article]:
    """Return the articles of a feed, newest first."""
    return list(Article.objects.visible().prefetch_related("tags")[:MOST])


def author_name() -> str:
    profile = Profile.objects.first()
    return readable(profile.name) if profile else SITE


def lasting_id(path: str) -> str:
    """Return the id of a feed or an entry, which is one under every host name of the site."""
    return f"{canonical_origin()}{path}"


def changed_at(article: Article) -> datetime:
    """Return the moment of the last revision of its text, or of publication if that is later.

    A visible article has a date.
    """
    assert article.published_at is not None
    return max(article.revised_at or article.published_at, article.published_at)


class _FullAtom(Atom1Feed):
    """Django's Atom feed, with the full texts and with LANGUAGE as it is written here."""

    # Django would write the feed's language, in lower case.
    def root_attributes(self) -> dict[str, str]:
        return {**super().root_attributes(), "xml:lang": LANGUAGE}

    def add_item_elements(self, handler: SimplerXMLGenerator, item: dict[str, Any]) -> None:
        super().add_item_elements(handler, item)
        handler.addQuickElement("content", item["content"], {"type": "html"})


class _ArticleFeed(Feed[Article, None]):
    feed_type = _FullAtom
    title = TITLE
    subtitle = SUBTITLE
    language = LANGUAGE.lower()

    def get_object(self, request: HttpRequest, *_args: Any, **_kwargs: Any) -> None:
        # `atom` makes an instance for each request, so links have the host of that request.
        self._request = request

    def link(self) -> str:
        return reverse("articles:list")

    def feed_url(self) -> str:
        return reverse("articles:feed-atom")

    def feed_guid(self) -> str:
        return lasting_id(self.feed_url())

    def author_name(self) -> str:
        return author_name()

    def author_link(self) -> str:
        return self._request.build_absolute_uri(reverse("about"))

    def items(self) -> Sequence[Article]:
        return newest()

    def item_guid(self, item: Article) -> str:
        return lasting_id(item.get_absolute_url())

    def item_title(self, item: Any) -> str:
        return readable(item.title)  # Django would escape it as for a page

    def item_description(self, item: Any) -> str:
        return readable(item.summary)

    def item_pubdate(self, item: Article) -> datetime | None:
        return item.published_at

    def item_updateddate(self, item: Article) -> datetime:
        return changed_at(item)

    def item_categories(self, item: Article) -> list[str]:
        return [readable(tag.name) for tag in item.tags.all()]

    def item_extra_kwargs(self, item: Article) -> dict[str, Any]:
        address = self._request.build_absolute_uri(item.get_absolute_url())
        return {"content": feed_html(item.html, address=address)}


@for_readers()
def atom(request: HttpRequest) -> HttpResponse:
    """Answer with the newest articles as Atom."""
    response: HttpResponse = _ArticleFeed()(request)
    response.headers["Content-Type"] = "application/atom+xml; charset=utf-8"
    return response


@for_readers()
def json_feed(request: HttpRequest) -> HttpResponse:
    """Answer with the newest articles as JSON Feed."""
    articles = newest()
    document = {
        "version": JSON_FEED,
        "title": TITLE,
        "description": SUBTITLE,
        "home_page_url": request.build_absolute_uri(reverse("articles:list")),
        "feed_url": request.build_absolute_uri(reverse("articles:feed-json")),
        "language": LANGUAGE,
        "authors": [{"name": author_name(), "url": request.build_absolute_uri(reverse("about"))}],
        "items": [_item(request, article) for article in articles],
    }
    response = HttpResponse(
        json.dumps(document, ensure_ascii=False), content_type="application/feed+json"
    )
    if articles:
        newest_change = max(changed_at(article) for article in articles)
        response.headers["Last-Modified"] = http_date(newest_change.timestamp())
    return response


def _item(request: HttpRequest, article: Article) -> dict[str, Any]:
    assert article.published_at is not None
    address = request.build_absolute_uri(article.get_absolute_url())
    return {
        "id": lasting_id(article.get_absolute_url()),
        "url": address,
        "title": readable(article.title),
        "summary": readable(article.summary),
        "content_html": feed_html(article.html, address=address),
        "image": f"{address}card.png",
        "date_published": article.published_at.isoformat(),
        "date_modified": changed_at(article).isoformat(),
        "tags": [readable(tag.name) for tag in article.tags.all()],
        "language": LANGUAGE,
    }


def feed_html(html: str, *, address: str) -> SafeString:
    """Return the article's `html` for its feeds: whole, and without what only a page can draw.

    A feed reader has neither our style sheet nor our scripts, so a figure becomes its caption with
    a link. `address` is the absolute address of the article's page.
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
