"""The home page: the cluster at work, its owner, and links to the rest of the site."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from articles.models import Article
from articles.owner.queries import Words, words_of
from articles.structured import json_ld, owner_id, person
from chaos.experiments.models import Incident
from chaos.reports.recoveries import latest_interesting
from cluster.health.observer.client import latest
from cluster.kit.navigation import SITE
from cluster.kit.page_cache import cached_page
from cluster.secrets.django.reconnect import read_or
from portfolio.pages.owner_pages import answers_without_words
from portfolio.pages.totals import tally

MOST_ARTICLES: Final = 5
# The tag of the article that is shown beside a recorded incident.
INCIDENT_TAG: Final = "incidents"


@cached_page()
@require_safe
@answers_without_words
def home(request: HttpRequest) -> HttpResponse:
    """Show the live figure, the totals, an incident and the newest articles."""
    words = words_of("home")
    context: dict[str, Any] = {
        "words": words,
        "snapshot": latest(),
        "structured": json_ld(_structured(request, words)),
    }
    found = read_or(None, _read)
    status = HTTPStatus.SERVICE_UNAVAILABLE if found is None else HTTPStatus.OK
    return render(request, "portfolio/front_page.html", context | (found or {}), status=status)


def article_beside(incident: Incident | None) -> Article | None:
    """Return the newest visible article with INCIDENT_TAG, or None without an incident."""
    if incident is None:
        return None
    return Article.objects.visible().filter(tags__slug=INCIDENT_TAG).first()


def _structured(request: HttpRequest, words: Words) -> dict[str, Any]:
    """Return the site and its owner as schema.org data for search engines."""
    site = {
        "@type": "WebSite",
        "name": SITE,
        "url": request.build_absolute_uri("/"),
        "inLanguage": "en-GB",
        "author": {"@id": owner_id(request)},
    }
    return {"@graph": [site, person(request, words)]}


def _read() -> dict[str, Any]:
    incident = latest_interesting()
    return {
        "tally": tally(),
        "incident": incident,
        "incident_article": article_beside(incident),
        "articles": list(_shown_articles()),
    }


def _shown_articles() -> models.QuerySet[Article]:
    unread = ("body", "html", "text", "toc", "problems", "search")
    return Article.objects.visible().defer(*unread)[:MOST_ARTICLES]
