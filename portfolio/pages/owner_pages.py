"""The pages of the owner's words: work, its case studies, and about."""

from __future__ import annotations

import functools
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from articles.owner.queries import NotKnown, case_studies, words_of
from articles.structured import json_ld, person
from cluster.kit.page_cache import cached_page
from cluster.kit.problems import View, problem

WORDS_AWAY = "The words of this page cannot be read at this moment; the site’s database is away."


def words_away(request: HttpRequest) -> HttpResponse:
    """Return 503 for a page whose words this process can neither read nor remember."""
    return problem(request, HTTPStatus.SERVICE_UNAVAILABLE, WORDS_AWAY, retry_after=5)


def answers_without_words(view: View) -> View:
    """Return the view, which answers 503 when it raises NotKnown."""

    @functools.wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except NotKnown:
            return words_away(request)

    return answer


@cached_page()
@require_safe
@answers_without_words
def work(request: HttpRequest) -> HttpResponse:
    """Show the list of case studies."""
    context = {"words": words_of("work"), "studies": case_studies()}
    return render(request, "portfolio/work.html", context)


@cached_page()
@require_safe
@answers_without_words
def case_study(request: HttpRequest, slug: str) -> HttpResponse:
    """Show one case study, with a link to the next."""
    words, studies = words_of("work"), case_studies()
    places = {study.slug: place for place, study in enumerate(studies)}
    if slug not in places:
        return problem(request, HTTPStatus.NOT_FOUND, "There is no piece of work at this address.")
    place = places[slug]
    context = {
        "words": words,
        "study": studies[place],
        "following": studies[(place + 1) % len(studies)] if len(studies) > 1 else None,
    }
    return render(request, "portfolio/case_study.html", context)


@cached_page()
@require_safe
@answers_without_words
def about(request: HttpRequest) -> HttpResponse:
    """Show the page about the owner."""
    words = words_of("about")
    profile_page = {"@type": "ProfilePage", "mainEntity": person(request, words)}
    context = {"words": words, "structured": json_ld(profile_page)}
    return render(request, "portfolio/about.html", context)
