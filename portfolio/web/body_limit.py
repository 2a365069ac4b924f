"""The size limit of request bodies: small for visitors, larger for editors of articles."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, Final, cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from cluster.kit.problems import problem, wants_json

VISITORS: Final = 64 * 1024  # bytes; the largest form of the site has four fields
EDITORS_PATH: Final = "/admin/"
TOO_LARGE: Final = (
    "That is too much to take in one piece. Nothing was saved. Go back: your text is still there."
)

TOO_LARGE_TO_READ: Final = f"The body is larger than {VISITORS} bytes; nothing was done."

Response = HttpResponseBase
Handler = Callable[[HttpRequest], Response] | Callable[[HttpRequest], Awaitable[Response]]


class BodyLimitMiddleware:
    """Middleware that refuses larger bodies in a sentence, before any code reads them.

    A body of undeclared length counts as empty: no form field is read from it.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response
        self._asynchronous = iscoroutinefunction(get_response)
        if self._asynchronous:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        if self._asynchronous:
            return self._later(request)
        return refusal(request) or cast("Response", self.get_response(request))

    async def _later(self, request: HttpRequest) -> Response:
        return refusal(request) or await cast("Awaitable[Response]", self.get_response(request))


def refusal(request: HttpRequest) -> Response | None:
    """Return the answer 413 when the body is too large, else None."""
    if declared_length(request) <= largest(request.path):
        return None
    sentence = TOO_LARGE_TO_READ if wants_json(request) else TOO_LARGE
    return problem(request, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, sentence)


def largest(path: str) -> int:
    """Return the largest body in bytes that a request to this path may have."""
    limit: int = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    return limit if path.startswith(EDITORS_PATH) else VISITORS


def declared_length(request: HttpRequest) -> int:
    """Return the declared length of the body in bytes, or 0 without a readable one."""
    declared = request.META.get("CONTENT_LENGTH") or "0"
    return int(declared) if declared.isdecimal() else 0
