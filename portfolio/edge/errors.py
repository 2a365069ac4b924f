"""The views that Django calls when a request fails, as `portfolio/urls.py` names them.

Django names their arguments.
"""
# ruff: noqa: ARG001

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from articles.editing import lost as editing
from cluster.kit.problems import malformed_sentence, problem, wants_json
from portfolio.contact import views as contact
from portfolio.edge.body_limit import TOO_LARGE, TOO_LARGE_TO_READ

ELSEWHERE: Final = "This was sent from a page of another site, so it was refused."


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if isinstance(exception, RequestDataTooBig):
        sentence = TOO_LARGE_TO_READ if wants_json(request) else TOO_LARGE
        return problem(request, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, sentence)
    return problem(request, HTTPStatus.BAD_REQUEST, malformed_sentence(exception))


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return problem(request, HTTPStatus.FORBIDDEN, "This is not for you to see.")


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return problem(request, HTTPStatus.NOT_FOUND, "There is no page at this address.")


def server_error(request: HttpRequest) -> HttpResponse:
    return problem(
        request,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "Something broke while this page was made. It has been logged.",
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    if editing.is_editors(request):
        return editing.expired(request)  # shows the article's text again
    if request.path == reverse("contact"):
        return contact.expired(request)  # shows the message again
    if reason.startswith("Origin checking failed"):
        return problem(request, HTTPStatus.FORBIDDEN, ELSEWHERE)
    return problem(
        request,
        HTTPStatus.FORBIDDEN,
        "The form had expired. Go back, reload the page, and send it again.",
    )
