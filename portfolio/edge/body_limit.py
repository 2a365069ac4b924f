"""The size limit of request bodies: small for visitors, larger for editors of articles."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from django.conf import settings
from django.http import HttpRequest

from cluster.kit.middleware import Middleware, Response, Steps
from cluster.kit.problems import problem, wants_json

VISITORS: Final = 64 * 1024  # bytes; the largest form of the site has four fields
EDITORS_PATH: Final = "/admin/"
TOO_LARGE: Final = (
    "That is too much to take in one piece. Nothing was saved. Go back: your text is still there."
)

TOO_LARGE_TO_READ: Final = f"The body is larger than {VISITORS} bytes; nothing was done."


class BodyLimitMiddleware(Middleware):
    """Middleware that refuses larger bodies in a sentence, before any code reads them.

    A body of undeclared length counts as empty: no form field is read from it.
    """

    def around(self, request: HttpRequest) -> Steps:
        return refusal(request) or (yield)


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
