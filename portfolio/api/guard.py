"""The HTTP rules that hold for every request to the API.

An answer names the trace that its request belongs to. `portfolio.edge.tracing` reads a caller's
`traceparent`, and every message that the request sends continues its trace.
Source: https://www.w3.org/TR/trace-context/
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final, cast

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.views.decorators.csrf import csrf_exempt

from cluster.kit.problems import PROBLEM_JSON
from cluster.tracing.context import current_request
from portfolio.api.problems import Problem, nothing_here, problem_answer
from portfolio.api.visitor import refuse_other_sites

View = Callable[..., HttpResponse]

JSON: Final = "application/json"
WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})
TRACEPARENT: Final = "traceparent"


def guarded(view: View) -> View:
    """Return a view of the API with the parts of HTTP that every resource needs.

    HEAD where there is GET, OPTIONS, problem documents for 405 and 406, entity tags for GET.
    """

    @functools.wraps(view)
    def guard(request: HttpRequest, *arguments: Any, **names: Any) -> HttpResponse:
        if not _acceptable(request):
            spoken = f"This API speaks {JSON} and {PROBLEM_JSON}."
            return problem_answer(request, Problem(HTTPStatus.NOT_ACCEPTABLE, spoken))
        asked = request.method
        if asked == "HEAD":
            request.method = "GET"  # the server sends no body; RFC 9110, 9.3.2
        response = view(request, *arguments, **names)
        request.method = asked
        if isinstance(response, HttpResponseNotAllowed):
            return _other_methods(request, response)
        return _validated(request, name_trace(response))

    return guard


def checked_write(run: View) -> View:
    """Return the operation with refusals of writes from other sites and of bodies not JSON."""

    @functools.wraps(run)
    def check(request: HttpRequest, *arguments: Any, **names: Any) -> HttpResponse:
        try:
            if request.method in WRITES:
                refuse_other_sites(request)
            if request.method in WITH_BODY:
                _refuse_other_types(request)
        except Problem as problem:
            return problem_answer(request, problem)
        return run(request, *arguments, **names)

    return check


@csrf_exempt
def unknown_address(request: HttpRequest, **_names: Any) -> HttpResponse:
    """Return 404 for every other address below the API."""
    return problem_answer(request, nothing_here())


def _refuse_other_types(request: HttpRequest) -> None:
    if request.content_type != JSON:
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"The body must be {JSON}.",
            headers={"Accept-Post": JSON},
        )


def _acceptable(request: HttpRequest) -> bool:
    return any(request.accepts(kind) for kind in (JSON, PROBLEM_JSON))


def _other_methods(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    allowed = {method.strip() for method in response.headers["Allow"].split(",")} | {"OPTIONS"}
    if "GET" in allowed:
        allowed.add("HEAD")
    allow = {"Allow": ", ".join(sorted(allowed))}
    if request.method == "OPTIONS":
        return HttpResponse(status=HTTPStatus.NO_CONTENT, headers=allow)
    return problem_answer(
        request,
        Problem(
            HTTPStatus.METHOD_NOT_ALLOWED,
            f"{request.method} is not possible here; {allow['Allow']} are.",
            headers=allow,
        ),
    )


def _validated(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Return the response with an entity tag, or 304 when the caller has it.

    Source: RFC 9110, 13.1.2.
    """
    patch_vary_headers(response, ["Authorization", "Cookie"])
    response.headers.setdefault("Cache-Control", "private, no-cache")
    if (
        request.method not in {"GET", "HEAD"}
        or response.status_code != HTTPStatus.OK
        or "no-store" in response.headers["Cache-Control"]
    ):
        return response
    if "ETag" not in response.headers:
        response.headers["ETag"] = f'"{hashlib.sha256(response.content).hexdigest()[:32]}"'
    conditional = get_conditional_response(
        request, etag=response.headers["ETag"], response=response
    )
    return cast("HttpResponse", conditional)


def name_trace(response: HttpResponse) -> HttpResponse:
    """Return the response with the `traceparent` of the work it started, else the caller's."""
    span = current_request.get()
    place = span and (span.place or span.caller)
    if place:
        response.headers[TRACEPARENT] = place.traceparent
    return response
