"""The search page, which works without a script."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from articles.search import LONGEST_QUERY, UnclearQuery, asks_for_nothing, search_articles, tidy
from cluster.secrets.django.reconnect import read_or
from portfolio.pages.places import find_places

TOO_LONG: Final = (
    f"The query is longer than {LONGEST_QUERY} characters. A few words of it are enough."
)
TOO_COMMON: Final = "Such words stand in every text. Add one that says what it is about."
AWAY: Final = "Nothing can be searched at this moment; the site’s database is away."


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """Show the articles whose text, and the pages whose name, matches `q`."""
    query = tidy(request.GET.get("q", ""))
    context: dict[str, Any] = {"query": query[:LONGEST_QUERY], "asked": "q" in request.GET}
    status = HTTPStatus.OK
    if len(query) > LONGEST_QUERY:
        context["unclear"] = TOO_LONG
        status = HTTPStatus.BAD_REQUEST
    elif query:
        try:
            found = read_or(None, lambda: _found(query))
        except UnclearQuery as error:
            context["unclear"] = str(error)
            status = HTTPStatus.BAD_REQUEST
        else:
            context |= {"unclear": AWAY} if found is None else found
            status = HTTPStatus.SERVICE_UNAVAILABLE if found is None else HTTPStatus.OK
    response = render(request, "articles/search.html", context, status=status)
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def _found(query: str) -> dict[str, Any]:
    # "About" occurs in every text, and is also the name of a page.
    common = asks_for_nothing(query)
    places = find_places(query, by_name_alone=common)
    if common and not places:
        return {"unclear": TOO_COMMON}
    return {"found": search_articles(query), "places": places, "searched": True}
