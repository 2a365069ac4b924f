"""Errors as people and programs read them: a plain page, or RFC 9457 problem details."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

PROBLEM_JSON: Final = "application/problem+json"


def wants_json(request: HttpRequest) -> bool:
    """Whether the client prefers JSON to a page."""
    return request.get_preferred_type(["text/html", "application/json", PROBLEM_JSON]) in {
        "application/json",
        PROBLEM_JSON,
    }


def problem(
    request: HttpRequest, status: HTTPStatus, detail: str, *, retry_after: int | None = None
) -> HttpResponse:
    """An error response: `detail` is one plain sentence, `retry_after` is in seconds."""
    response: HttpResponse
    if wants_json(request):
        # "about:blank" means: there is nothing to know beyond the status (RFC 9457, 4.2.1).
        body = {
            "type": "about:blank",
            "title": status.phrase,
            "status": int(status),
            "detail": detail,
            "instance": request.path,
        }
        response = JsonResponse(body, status=status, content_type=PROBLEM_JSON)
    else:
        context = {"status": int(status), "title": status.phrase, "detail": detail}
        response = render(request, "portfolio/problem.html", context, status=status)
    if retry_after is not None:
        response.headers["Retry-After"] = str(retry_after)
    return response
