"""Errors as people and programs read them: a plain page, or RFC 9457 problem details."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import (
    BadRequest,
    DisallowedHost,
    SuspiciousOperation,
    TooManyFieldsSent,
    TooManyFilesSent,
)
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.multipartparser import MultiPartParserError
from django.shortcuts import render
from django.utils.html import format_html

from cluster.secrets.django.reconnect import read_or

View = Callable[..., HttpResponse]

log = logging.getLogger(__name__)

PROBLEM_JSON: Final = "application/problem+json"
API: Final = "/api/v1/"  # below it, every answer is for programs

RETRY_AFTER: Final = 2  # seconds; PostgreSQL is back in about as many after a crash

# The page's headings. The status's own phrase stands above.
HEADINGS: Final = {
    HTTPStatus.BAD_REQUEST: "This could not be understood",
    HTTPStatus.FORBIDDEN: "This is not open to you",
    HTTPStatus.NOT_FOUND: "Nothing stops here",
    HTTPStatus.CONFLICT: "Somebody was faster",
    HTTPStatus.PRECONDITION_FAILED: "It has changed meanwhile",
    HTTPStatus.UNPROCESSABLE_ENTITY: "This cannot be done",
    HTTPStatus.TOO_MANY_REQUESTS: "Too much at once",
    HTTPStatus.INTERNAL_SERVER_ERROR: "Something broke",
    HTTPStatus.SERVICE_UNAVAILABLE: "Away for a moment",
}

# Django raises these when HTTP or the site's limits do not allow a request.
MALFORMED: Final[tuple[type[Exception], ...]] = (
    SuspiciousOperation,
    BadRequest,
    MultiPartParserError,
)
NOT_UNDERSTOOD: Final = "The request could not be understood."
SENTENCES: Final[Mapping[type[Exception], str]] = {
    TooManyFieldsSent: f"The request has more than {settings.DATA_UPLOAD_MAX_NUMBER_FIELDS:,} "
    "parameters.",
    TooManyFilesSent: f"The request has more than {settings.DATA_UPLOAD_MAX_NUMBER_FILES:,} files.",
    DisallowedHost: "This site does not answer under that name.",
    MultiPartParserError: "The form is not well-formed multipart data.",
}

# For when even the page about the failure fails: no template, no database, no static file.
LAST_RESORT: Final = """<!doctype html>
<html lang="en-GB">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>{heading} · Working timetable</title>
  </head>
  <body>
    <main>
      <p>{status} {title}</p>
      <h1>{heading}</h1>
      <p>{detail}</p>
      <p><a href="/">Begin at the first page</a></p>
    </main>
  </body>
</html>
"""


def malformed_sentence(error: Exception) -> str:
    """Return a sentence that says why Django has refused a request."""
    return next(
        (words for kind, words in SENTENCES.items() if isinstance(error, kind)), NOT_UNDERSTOOD
    )


def wants_json(request: HttpRequest) -> bool:
    """Return whether the client prefers JSON to a page, or asks the API, which has no pages."""
    return request.path.startswith(API) or request.get_preferred_type(
        ["text/html", "application/json", PROBLEM_JSON]
    ) in {
        "application/json",
        PROBLEM_JSON,
    }


def problem(
    request: HttpRequest, status: HTTPStatus, detail: str, *, retry_after: int | None = None
) -> HttpResponse:
    """Return an error response. `detail` is one plain sentence, `retry_after` is in seconds."""
    response: HttpResponse
    if wants_json(request):
        body = problem_document(request, status, detail)
        response = JsonResponse(body, status=status, content_type=PROBLEM_JSON)
    else:
        response = _page(request, status, detail)
    if retry_after is not None:
        response.headers["Retry-After"] = str(retry_after)
    return response


def answers_when_away(
    sentence: str, pauses: Sequence[float] | None = None
) -> Callable[[View], View]:
    """Return a decorator of views, which answer 503 and a sentence while the database is away.

    A view runs again when its connection is lost, after each of `pauses` (seconds).
    """

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def patient(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            answer = read_or(None, lambda: view(request, *args, **kwargs), pauses)
            if answer is None:
                status = HTTPStatus.SERVICE_UNAVAILABLE
                return problem(request, status, sentence, retry_after=RETRY_AFTER)
            return answer

        return patient

    return decorate


def problem_document(request: HttpRequest, status: HTTPStatus, detail: str) -> dict[str, Any]:
    """Return the problem details of RFC 9457, for a problem that has no type of its own."""
    return {
        # There is nothing to know beyond the status (RFC 9457, 4.2.1).
        "type": "about:blank",
        "title": status.phrase,
        "status": int(status),
        "detail": detail,
        "instance": request.path,
    }


def _page(request: HttpRequest, status: HTTPStatus, detail: str) -> HttpResponse:
    context = {
        "status": int(status),
        "title": status.phrase,
        "heading": HEADINGS.get(status, status.phrase),
        "detail": detail,
        "path": request.path,
    }
    try:
        return render(request, "kit/problem.html", context, status=status)
    except Exception:
        # The failure of the page may break this one as well, but the visitor must get an answer.
        log.exception("the page about a %s could not be drawn", int(status))
        return HttpResponse(format_html(LAST_RESORT, **context), status=status)
