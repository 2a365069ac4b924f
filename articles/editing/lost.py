"""The page that shows a text which could not be saved, whole, with a button to send it again.

It is shown when the session has ended, when the form's token has expired, and when the
database is away. A text that arrives from another site is not shown: no editor has
written it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

from django.contrib.admin import AdminSite, site
from django.db import Error
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import Resolver404, resolve, reverse

from cluster.secrets.postgres import is_outage

SIGNED_OUT: Final = "You are signed out, so nothing was saved. Your text is kept on this page."
EXPIRED: Final = "The form had expired, so nothing was saved. Your text is kept on this page."
AWAY: Final = (
    "The site's database is away, so nothing was saved. Your text is kept on this page; "
    "try again in a moment."
)
EDITOR: Final = frozenset({"articles_article_add", "articles_article_change"})
# Shown in fields that can be read and copied; the rest is carried in hidden fields.
SHOWN: Final = ("title", "summary", "body")
NOT_CARRIED: Final = frozenset({"csrfmiddlewaretoken", *SHOWN})

View = Callable[..., HttpResponseBase]


def keeping(view: View, admin_site: AdminSite) -> View:
    """Return the editor's view, changed so that an ended session or an outage loses no text."""

    @functools.wraps(view)
    def careful(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not holds_text(request):
            return view(request, *args, **kwargs)
        try:
            if not admin_site.has_permission(request):
                return kept(request, SIGNED_OUT, HTTPStatus.FORBIDDEN)
            answer = view(request, *args, **kwargs)
        except Error as error:
            if not is_outage(error):
                raise
            return kept(request, AWAY, HTTPStatus.SERVICE_UNAVAILABLE)
        if answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE:  # the admin caught the outage
            return kept(request, AWAY, HTTPStatus.SERVICE_UNAVAILABLE)
        return answer

    return careful


def is_editors(request: HttpRequest) -> bool:
    """Return whether the request carries a text to the editor, from a page of this site."""
    try:
        name = resolve(request.path).url_name
    except Resolver404:
        return False
    return name in EDITOR and holds_text(request)


def expired(request: HttpRequest) -> HttpResponse:
    """Answer with the text when the form's token has expired."""
    return kept(request, EXPIRED, HTTPStatus.FORBIDDEN)


def holds_text(request: HttpRequest) -> bool:
    return request.method == "POST" and _from_here(request) and "body" in request.POST


def kept(request: HttpRequest, sentence: str, status: HTTPStatus) -> HttpResponse:
    """Answer with the text, in a form that sends it to its original address.

    Does not query the database: the user is not known here.
    """
    carried = [
        (name, value)
        for name, values in request.POST.lists()
        if name not in NOT_CARRIED
        for value in values
    ]
    context = {
        "title": "Your text is kept",
        "site_header": site.site_header,
        "site_title": site.site_title,
        "sentence": sentence,
        "signed_out": sentence != AWAY,
        "login": reverse("admin:login"),
        "action": request.path,
        "shown": {name: request.POST.get(name, "") for name in SHOWN},
        "carried": carried,
    }
    response = render(request, "admin/articles/article/kept.html", context, status=status)
    response.headers["Cache-Control"] = "no-store"
    return response


def _from_here(request: HttpRequest) -> bool:
    origin = request.headers.get("Origin") or request.headers.get("Referer")
    return origin is None or urlsplit(origin).netloc == request.get_host()
