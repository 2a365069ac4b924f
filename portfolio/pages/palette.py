"""The entries of the command palette: pages, articles, services, nodes, source files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from django.http import HttpRequest, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from articles.models import Article
from cluster.kit.navigation import SECTIONS
from cluster.kit.source.tree import paths
from cluster.secrets.django.reconnect import read_or
from portfolio.architecture.plan import plan
from portfolio.lab.services import PARTICIPANTS

MAX_AGE: Final = 60  # seconds; a new article is in the palette a minute later

# Title, address, and further words that find the page. The sections come before these.
PAGES: Final = (
    ("Home", "/", "start first page"),
    ("Every message of the cluster", "/events/", "events journal table stream start a checkout"),
    ("Search the articles", "/search/", "find"),
    ("Source", "/source/", "code files revision"),
    ("Design", "/design/", "tokens type colours components marks"),
    ("Articles as an Atom feed", "/articles/feed.atom", "rss subscribe"),
    ("Articles as a JSON feed", "/articles/feed.json", "subscribe"),
    ("Messages as AsyncAPI", "/asyncapi.json", "schemas events commands api"),
    ("State of the cluster as JSON", "/status.json", "health snapshot observer"),
)

Entry = dict[str, str]


@require_safe
def palette(_request: HttpRequest) -> JsonResponse:
    """Return an entry for everything that has an address.

    `away` is a sentence when the articles cannot be read, else empty.
    """
    entries = [*_pages(), *_services(), *_nodes(), *_files()]
    articles = read_or(None, lambda: list(_articles()))
    away = "The articles cannot be read at this moment." if articles is None else ""
    return JsonResponse(
        {"entries": [*(articles or ()), *entries], "away": away},
        headers={"Cache-Control": f"max-age={MAX_AGE}"},
    )


def _entry(kind: str, title: str, address: str, words: str = "") -> Entry:
    return {"kind": kind, "title": title, "address": address, "words": words}


def _pages() -> Iterator[Entry]:
    for section in SECTIONS:
        yield _entry("page", section.title, section.address)
    for title, address, words in PAGES:
        yield _entry("page", title, address, words)


def _articles() -> Iterator[Entry]:
    for slug, title, summary in Article.objects.visible().values_list("slug", "title", "summary"):
        yield _entry("article", title, reverse("articles:article", args=[slug]), summary)


def _services() -> Iterator[Entry]:
    for name, participant in PARTICIPANTS.items():
        yield _entry("service", participant.title, f"/lab/{name}/", f"{name} {participant.code}")


def _nodes() -> Iterator[Entry]:
    for node in plan().nodes.values():
        yield _entry("node", node.name, f"/architecture/{node.name}/", f"{node.kind} {node.label}")


def _files() -> Iterator[Entry]:
    for path in paths():
        yield _entry("source", path, f"/source/{path}")
