"""The home page: the cluster at work, its owner, and links to the rest of the site."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

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
from cluster.storefront.models import CheckoutRequest, JournalEntry
from portfolio.pages.owner_pages import answers_without_words

MOST_ARTICLES: Final = 5
# The tag of the article that is shown beside a recorded incident.
INCIDENT_TAG: Final = "incidents"

# An id is chosen a moment before its commit: rows with ids older than this are all committed.
SETTLED: Final = timedelta(minutes=10)


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


@dataclass(frozen=True)
class Tally:
    """Totals over the whole time, from the site's database."""

    messages: int  # journalled, ever: the journal's numbers have no gap
    checkouts: int  # accepted, ever
    unfinished: int
    since: datetime | None  # the first checkout


class _Counted:
    """The count of checkouts below an id, since older rows are neither added nor deleted."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._below = UUID(int=0)
        self._count = 0

    def total(self) -> int:
        with self._lock:
            horizon = _first_id_of(datetime.now(UTC) - SETTLED)
            older = CheckoutRequest.objects.filter(id__gte=self._below, id__lt=horizon).count()
            self._below, self._count = horizon, self._count + older
            return self._count + CheckoutRequest.objects.filter(id__gte=horizon).count()


_counted: Final = _Counted()


def tally() -> Tally:
    """Return the totals at this moment, without counting millions of rows for each request.

    Raises Django's Error when the database is away.
    """
    newest = JournalEntry.objects.order_by("-seq").values_list("seq", flat=True).first()
    first = CheckoutRequest.objects.order_by("id").values_list("accepted_at", flat=True).first()
    return Tally(
        messages=newest or 0,
        checkouts=_counted.total(),
        unfinished=CheckoutRequest.objects.filter(status="accepted").count(),
        since=first,
    )


def _first_id_of(moment: datetime) -> UUID:
    """Return the lowest UUIDv7 of this millisecond (RFC 9562, 5.7)."""
    milliseconds = int(moment.timestamp() * 1000)
    return UUID(int=(milliseconds << 80) | (0x7 << 76) | (0x2 << 62))
