"""The write-ups as readers see them: lists, one article, and its public history."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from articles import queries
from articles.card_drawing import draw_card
from articles.differences import Difference, difference
from articles.figures import assets, fill, picture
from articles.models import Article, Series, Tag
from articles.structured import article_data
from articles.templatetags.reading import day, grouped
from cluster.kit.navigation import SITE
from cluster.kit.page_cache import LIFETIME, View, cached_page
from cluster.kit.problems import answers_when_away

AWAY: Final = "The articles cannot be read at this moment; their database is away."

# A site fetches the picture when a link is shared, and keeps it, so one of a minute ago will do.
CARD_LIFETIME: Final = 60.0  # seconds
DEFAULT_TITLE: Final = "Five services at work"
DEFAULT_FIGURE: Final = "train-graph window=12"


def for_readers(*, lifetime: float = LIFETIME) -> Callable[[View], View]:
    """Return the decorator of a page that is only read, is cached, and says when it is away."""

    def decorate(view: View) -> View:
        return require_safe(cached_page(lifetime=lifetime)(answers_when_away(AWAY)(view)))

    return decorate


@for_readers()
def article_list(request: HttpRequest) -> HttpResponse:
    """Show all articles, newest first, with the series and tags to choose from."""
    articles = queries.listed()
    context = {
        "articles": articles,
        "series_list": list(queries.in_series(articles).items()),
        "tags": queries.used_tags(),
    }
    return render(request, "articles/list.html", context)


@for_readers()
def tag(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the articles on one subject.

    A tag that no visible article carries does not exist.
    """
    found = Tag.objects.filter(slug=slug).first()
    articles = [each for each in queries.listed() if found in each.tags.all()] if found else []
    if not articles:
        raise Http404
    context = {"tag": found, "articles": articles, "tags": queries.used_tags()}
    return render(request, "articles/tag.html", context)


@for_readers()
def series(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the articles of one series, in its order."""
    found = Series.objects.filter(slug=slug).first()
    articles = queries.in_series(queries.listed()).get(found, []) if found else []
    if not articles:
        raise Http404
    context = {
        "series": found,
        "articles": articles,
        "minutes": sum(each.minutes for each in articles),
    }
    return render(request, "articles/series.html", context)


@for_readers()
def article(request: HttpRequest, slug: str) -> HttpResponse:
    """Show one article with its figures as they are now.

    Its editors can see it before it is published.
    """
    found = _article(request, slug)
    context = {
        "article": found,
        "html": fill(found.html, request),
        "assets": assets(found.html),
        "neighbours": queries.neighbours(found),
        "related": queries.related(found),
        "tags": found.tags.all(),
        "revisions": len(queries.public_revisions(found)),
        "canonical": found.canonical_url or request.build_absolute_uri(found.get_absolute_url()),
        "card": request.build_absolute_uri(f"{found.get_absolute_url()}card.png"),
        "structured": article_data(request, found),
        "may_edit": _may_edit(request),
    }
    return render(request, "articles/article.html", context)


@for_readers()
def revisions(request: HttpRequest, slug: str) -> HttpResponse:
    """Show every text of the article that readers have seen."""
    found = _article(request, slug)
    context = {"article": found, "revisions": queries.public_revisions(found)}
    return render(request, "articles/revisions.html", context)


@for_readers()
def revision(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Show the changes of one revision against the public one before it."""
    found = _article(request, slug)
    public = queries.public_revisions(found)
    at = next((index for index, each in enumerate(public) if each.number == number), None)
    if at is None:
        raise Http404
    this = public[at]
    before = public[at + 1] if at + 1 < len(public) else None
    changed: Difference | None = None
    if before is not None:
        changed = difference(before, this)
    context = {"article": found, "revision": this, "before": before, "difference": changed}
    return render(request, "articles/revision.html", context)


def _article(request: HttpRequest, slug: str) -> Article:
    """Return the article, if this visitor may see it, or raise Http404."""
    found = Article.objects.select_related("series").filter(slug=slug).first()
    if found is None or not (found.is_visible or _may_edit(request)):
        raise Http404
    return found


def _may_edit(request: HttpRequest) -> bool:
    user = request.user
    return user.is_authenticated and user.is_staff and user.has_perm("articles.change_article")


@for_readers(lifetime=CARD_LIFETIME)
def card(_request: HttpRequest, slug: str) -> HttpResponse:
    """Answer with the picture of a visible article."""
    article = Article.objects.visible().filter(slug=slug).first()
    if article is None:
        raise Http404
    meta = f"{day(article.published_at)} · {article.minutes} min · {grouped(article.words)} words"
    return _png(article.title, meta, article.figure or DEFAULT_FIGURE)


@require_safe
@cached_page(lifetime=CARD_LIFETIME)
def default_card(_request: HttpRequest) -> HttpResponse:
    """Answer with the picture of every page that has none of its own."""
    return _png(DEFAULT_TITLE, "", DEFAULT_FIGURE)


def _png(title: str, meta: str, figure: str) -> HttpResponse:
    # A picture whose figure cannot be drawn still has its title.
    drawn = draw_card(title=title, meta=meta, site=SITE, figure=picture(figure) or "")
    # The picture is made for other sites to show.
    headers = {"Cross-Origin-Resource-Policy": "cross-origin"}
    return HttpResponse(drawn, content_type="image/png", headers=headers)
