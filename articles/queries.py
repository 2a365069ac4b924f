"""Queries of the public pages over the write-ups. Each function queries the database at once."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Final

from django.db.models import Count, Q
from django.utils import timezone

from articles.models import PUBLISHED, Article, Revision, Series, Tag

MOST_RELATED: Final = 4

# Columns that a list shows, without the long texts.
LISTED: Final = (
    "slug", "title", "summary", "words", "minutes", "revision", "state",
    "published_at", "revised_at", "series_id", "series_position",
)  # fmt: skip


@dataclass(frozen=True)
class Neighbours:
    """The place of an article in its series.

    `number` counts from 1, and only articles that readers can see.
    """

    series: Series
    articles: list[Article]
    number: int
    previous: Article | None
    following: Article | None


def listed() -> list[Article]:
    """Return all visible articles with their tags and series, newest first."""
    return list(
        Article.objects.visible().only(*LISTED).select_related("series").prefetch_related("tags")
    )


def used_tags() -> list[Tag]:
    """Return the tags of visible articles, by name, each with their number as `visible_count`."""
    visible = Q(articles__state=PUBLISHED, articles__published_at__lte=timezone.now())
    tags = Tag.objects.annotate(visible_count=Count("articles", filter=visible))
    return list(tags.filter(visible_count__gt=0).order_by("name"))


def in_series(articles: list[Article]) -> dict[Series, list[Article]]:
    """Return the articles that belong to a series, by series, in its order."""
    found: dict[Series, list[Article]] = defaultdict(list)
    for article in articles:
        if article.series is not None:
            found[article.series].append(article)
    return {series: _in_order(found[series]) for series in sorted(found, key=lambda s: s.title)}


def neighbours(article: Article) -> Neighbours | None:
    """Return the articles before and after this one in its series, or None without a series."""
    if article.series is None:
        return None
    others = list(Article.objects.visible().filter(series=article.series).only(*LISTED))
    if article not in others:  # a preview
        others.append(article)
    others = _in_order(others)
    at = others.index(article)
    return Neighbours(
        series=article.series,
        articles=others,
        number=at + 1,
        previous=others[at - 1] if at > 0 else None,
        following=others[at + 1] if at + 1 < len(others) else None,
    )


def related(article: Article) -> list[Article]:
    """Return the articles that the author picked, then those that share most tags, newest first."""
    picked = list(article.related.visible().only(*LISTED)[:MOST_RELATED])
    if len(picked) < MOST_RELATED:
        others = (
            Article.objects.visible()
            .only(*LISTED)
            .exclude(pk__in=[article.pk, *(each.pk for each in picked)])
            .annotate(shared=Count("tags", filter=Q(tags__in=article.tags.all())))
            .filter(shared__gt=0)
            .order_by("-shared", "-published_at")
        )
        picked += list(others[: MOST_RELATED - len(picked)])
    return picked


def public_revisions(article: Article) -> list[Revision]:
    """Return the revisions that readers have seen, newest first.

    Revisions from before publication are private, except the last of them, which is the
    published text.
    """
    everything = list(article.revisions.order_by("-number").defer("body"))
    if article.published_at is None:
        return []
    seen = []
    for revision in everything:
        seen.append(revision)
        if revision.saved_at <= article.published_at:
            break
    return seen


def _in_order(articles: list[Article]) -> list[Article]:
    """Return the articles by position.

    Articles without a position come last, in the order of publication.
    """
    return sorted(
        articles,
        key=lambda each: (
            each.series_position is None,
            each.series_position or 0,
            each.published_at or timezone.now(),
            each.pk,
        ),
    )
