"""The pages for crawlers: the sitemap of every page that is worth finding, and robots.txt."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from django.contrib.sitemaps import Sitemap
from django.contrib.sitemaps.views import sitemap as draw_sitemap
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from articles.models import Article
from articles.owner.models import CaseStudy
from articles.queries import in_series, listed, used_tags
from articles.views import for_readers
from portfolio.architecture.plan import plan
from portfolio.demos.registry import DEMOS
from portfolio.lab.services import PARTICIPANTS

# Sagas and the journal's table change every second and are of no use in an index.
CLOSED: Final = ("/admin/", "/sagas/", "/checkouts/", "/search/", "/palette.json", "/status.json")
MAX_AGE: Final = 3600  # seconds
PAGES: Final = (
    "home", "architecture", "lab", "chaos:index", "chaos:compose", "work", "about", "contact",
    "events", "articles:list", "source", "heart", "demos", "api-page",
)  # fmt: skip


class Pages(Sitemap[str]):
    """The sections, and the page of each service, each demo and each node of the plan."""

    def items(self) -> list[str]:
        return [
            *(reverse(name) for name in PAGES),
            *(reverse("lab-service", args=[name]) for name in PARTICIPANTS),
            *(reverse("demo", args=[slug]) for slug in DEMOS),
            *(reverse("architecture-node", args=[name]) for name in plan().nodes),
        ]

    def location(self, item: str) -> str:
        return item


class Articles(Sitemap[Article]):
    def items(self) -> list[Article]:
        return listed()

    def lastmod(self, item: Article) -> datetime | None:
        return item.revised_at or item.published_at


class Work(Sitemap[CaseStudy]):
    def items(self) -> Iterable[CaseStudy]:
        return CaseStudy.objects.filter(visible=True)


class Subjects(Sitemap[Any]):
    """Tags and series."""

    def items(self) -> list[Any]:
        return [*used_tags(), *in_series(listed())]


SITEMAPS: Final[dict[str, type[Sitemap[Any]] | Sitemap[Any]]] = {
    "pages": Pages,
    "articles": Articles,
    "work": Work,
    "subjects": Subjects,
}


@for_readers(lifetime=60.0)
def sitemap(request: HttpRequest) -> HttpResponse:
    """Return all addresses in one file, which may hold 50,000, far more than there are."""
    return draw_sitemap(request, SITEMAPS).render()


@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    """Return robots.txt (RFC 9309) with the address of the site map."""
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in CLOSED), ""]
    lines.append(f"Sitemap: {request.build_absolute_uri('/sitemap.xml')}")
    return HttpResponse(
        "\n".join(lines) + "\n",
        content_type="text/plain; charset=utf-8",
        headers={"Cache-Control": f"max-age={MAX_AGE}"},
    )
