"""What the public pages read of the write-ups; each function asks the database at once."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Final

from django.db.models import Count, Q
from django.utils import timezone

from articles.models import PUBLISHED, Article, Revision, Series, Tag

MOST_RELATED: Final = 4

# Columns that a list shows; the texts themselves are not among them.
LISTED: Final = (
    "slug", "title", "summary", "words", "minutes", "revision", "state",
    "published_at", "revised_at", "series_id", "series_position",
)  # fmt: skip


@dataclass(frozen=True)
class Neighbours:
    """The place of an article in its series; `number` counts what readers can see, from 1."""

    series: Series
    articles: list[Article]
    number: int
    previous: Article | None
    following: Article | None


def listed() -> list[Article]:
    """All visible articles with their tags and series, newest first."""
    return list(
        Article.objects.visible().only(*LISTED).select_related("series").prefetch_related("tags")
    )


def used_tags() -> list[Tag]:
    """Tags of visible articles, by name, each with its number of them as `visible_count`."""
    visible = Q(articles__state=PUBLISHED, articles__published_at__lte=timezone.now())
    tags = Tag.objects.annotate(visible_count=Count("articles", filter=visible))
    return list(tags.filter(visible_count__gt=0).order_by("name"))


def in_series(articles: list[Article]) -> dict[Series, list[Article]]:
    """The articles that belong to a series, in its order."""
    found: dict[Series, list[Article]] = defaultdict(list)
    for article in articles:
        if article.series is not None:
            found[article.series].append(article)
    return {series: _in_order(found[series]) for series in sorted(found, key=lambda s: s.title)}


def neighbours(article: Article) -> Neighbours | None:
    """The articles before and after this one in its series; None when it stands alone."""
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
    """What its author picked; then what shares most tags with it, newest first."""
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
    """The revisions that readers have seen, newest first.

    What was saved before the article came out is its author's own, save the last of
    it: that is what came out.
    """
    everything = list(article.revisions.order_by("-number"))
    if article.published_at is None:
        return []
    seen = []
    for revision in everything:
        seen.append(revision)
        if revision.saved_at <= article.published_at:
            break
    return seen


def _in_order(articles: list[Article]) -> list[Article]:
    """By position; what has none comes last, in the order of publication."""
    return sorted(
        articles,
        key=lambda each: (
            each.series_position is None,
            each.series_position or 0,
            each.published_at or timezone.now(),
            each.pk,
        ),
    )
