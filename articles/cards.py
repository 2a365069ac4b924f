"""The OpenGraph pictures: one for each article, with its figure, and one for all other pages."""

from __future__ import annotations

from typing import Final

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from articles.card_drawing import draw_card
from articles.figures import picture
from articles.models import Article
from articles.templatetags.reading import day, grouped
from articles.views import for_readers
from cluster.kit.navigation import SITE
from cluster.kit.page_cache import cached_page

# A site fetches the picture when a link is shared, and keeps it, so one of a minute ago will do.
LIFETIME: Final = 60.0  # seconds
DEFAULT_TITLE: Final = "Five services at work"
DEFAULT_FIGURE: Final = "train-graph window=12"


@for_readers(lifetime=LIFETIME)
def card(_request: HttpRequest, slug: str) -> HttpResponse:
    """Answer with the picture of a visible article."""
    article = Article.objects.visible().filter(slug=slug).first()
    if article is None:
        raise Http404
    meta = f"{day(article.published_at)} · {article.minutes} min · {grouped(article.words)} words"
    return _png(article.title, meta, article.figure or DEFAULT_FIGURE)


@require_safe
@cached_page(lifetime=LIFETIME)
def default_card(_request: HttpRequest) -> HttpResponse:
    """Answer with the picture of every page that has none of its own."""
    return _png(DEFAULT_TITLE, "", DEFAULT_FIGURE)


def _png(title: str, meta: str, figure: str) -> HttpResponse:
    # A picture whose figure cannot be drawn still has its title.
    drawn = draw_card(title=title, meta=meta, site=SITE, figure=picture(figure) or "")
    # The picture is made for other sites to show.
    headers = {"Cross-Origin-Resource-Policy": "cross-origin"}
    return HttpResponse(drawn, content_type="image/png", headers=headers)
