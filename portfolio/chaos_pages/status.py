"""`GET /status.json`: the latest snapshot as it is, for programs."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from cluster.health.observer.client import follower

AWAY: Final = "The observer is away; nothing is measured at this moment."


@require_safe
def status(_request: HttpRequest) -> HttpResponse:
    """Return the snapshot, or 503 with a sentence while the observer is away."""
    received = follower().received()
    response: HttpResponse
    if received is None:
        response = JsonResponse({"detail": AWAY}, status=HTTPStatus.SERVICE_UNAVAILABLE)
        response.headers["Retry-After"] = "2"
    else:
        response = HttpResponse(received.encoded, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response
