"""The site's own search, for programs."""
# ruff: noqa: ARG001  # an operation takes the request first

from __future__ import annotations

from typing import Annotated

from django.http import HttpRequest
from django.utils.html import strip_tags
from ninja import Query, Router, Schema
from pydantic import Field

from articles.search import LONGEST_QUERY, UnclearQuery, asks_for_nothing, search_articles, tidy
from cluster.secrets.django.reconnect import retry_on_disconnect
from portfolio.api.burst import SEARCHES, bounded
from portfolio.api.describe import told
from portfolio.api.problems import INVALID
from portfolio.api.schemas import filled
from portfolio.pages.places import find_places

router = Router(tags=["Search"])

Words = Annotated[
    str,
    Query(
        min_length=1,
        max_length=LONGEST_QUERY,
        description='Words, a "phrase", or, -without.',
        examples=["outbox"],
    ),
]


class FoundPage(Schema):
    """A page, found by its name."""

    kind: str = Field(examples=["architecture"])
    name: str
    address: str


class FoundArticle(Schema):
    """An article, found by its text."""

    title: str
    summary: str
    excerpt: str = Field(description="The places in the text where the words were found.")
    address: str


class Findings(Schema):
    """Pages by their names, and articles by their text, each best first."""

    query: str = Field(description="What was looked for.")
    pages: list[FoundPage]
    articles: list[FoundArticle]


@router.get(
    "/search",
    response=Findings,
    summary="Search pages and articles",
    openapi_extra=told(personal=False, limited=True),
)
@bounded(SEARCHES)
def search(request: HttpRequest, q: Words) -> Findings:
    """Return the results of the page `/search/`.

    A query of words that occur in every text finds pages by their names only.
    """
    return retry_on_disconnect(lambda: _found(tidy(q)))


def _found(query: str) -> Findings:
    try:
        common = asks_for_nothing(query)
    except UnclearQuery as error:
        raise INVALID.problem(str(error)) from error
    return Findings(
        query=query,
        pages=[filled(FoundPage, place) for place in find_places(query, by_name_alone=common)],
        articles=[
            filled(
                FoundArticle,
                found.article,
                excerpt=strip_tags(found.excerpt),
                address=found.article.get_absolute_url(),
            )
            for found in ([] if common else search_articles(query))
        ],
    )
