"""Structured data for search engines: schema.org objects as JSON-LD.

It stands in a `<script type="application/ld+json">`. Such a block is data: browsers
never execute it, so the Content-Security-Policy does not apply to it.
"""

from __future__ import annotations

import json
from typing import Any, Final

from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe

from articles.models import Article
from articles.owner.queries import Owner, read_owner
from cluster.kit.navigation import SITE

# Inside <script>: nothing in a title may end the element or begin a comment.
_ESCAPES: Final = {ord("<"): "\\u003C", ord(">"): "\\u003E", ord("&"): "\\u0026"}


def json_ld(data: dict[str, Any]) -> SafeString:
    """Return the object as text that is safe inside a script element."""
    text = json.dumps({"@context": "https://schema.org", **data}, ensure_ascii=False)
    return mark_safe(text.translate(_ESCAPES))  # noqa: S308  # escaped in this line


def owner_id(request: HttpRequest) -> str:
    """Return the identifier of the owner in the structured data of every page."""
    return request.build_absolute_uri("/about/#owner")


def person(request: HttpRequest, owner: Owner) -> dict[str, Any]:
    """Return the owner as a schema.org Person, without what the admin's rows do not say."""
    profile = owner.profile
    place = {"@type": "Place", "name": profile.location} if profile.location else None
    data: dict[str, Any] = {
        "@type": "Person",
        "@id": owner_id(request),
        "name": profile.name,
        "jobTitle": profile.role,
        "description": profile.introduction,
        "homeLocation": place,
        "url": request.build_absolute_uri(reverse("about")),
        "sameAs": [link.url for link in owner.links],
    }
    return {name: value for name, value in data.items() if value}


def article_data(request: HttpRequest, article: Article) -> SafeString:
    """Return one write-up as a schema.org TechArticle."""
    address = request.build_absolute_uri(article.get_absolute_url())
    data: dict[str, Any] = {
        "@type": "TechArticle",
        "headline": article.title,
        "description": article.summary,
        "url": address,
        "mainEntityOfPage": article.canonical_url or address,
        "image": f"{address}card.png",
        "inLanguage": "en-GB",
        "wordCount": article.words,
        "keywords": [tag.name for tag in article.tags.all()],
        "author": person(request, read_owner()),
        "isPartOf": {
            "@type": "WebSite",
            "name": SITE,
            "url": request.build_absolute_uri("/"),
        },
    }
    if article.published_at is not None:
        data["datePublished"] = article.published_at.isoformat()
        data["dateModified"] = (article.revised_at or article.published_at).isoformat()
    if article.series is not None:
        data["articleSection"] = article.series.title
    return json_ld(data)
