"""The health endpoints for supervisors and probes."""

from __future__ import annotations

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from portfolio.web.readiness import readiness, troubles


async def healthz(_request: HttpRequest) -> HttpResponse:
    """Return `ok` while the process answers. It asks no other process."""
    return HttpResponse("ok\n", content_type="text/plain", headers={"Cache-Control": "no-store"})


@require_safe
def readyz(_request: HttpRequest) -> HttpResponse:
    """Return 200 when the database answers and the journal is written and readable, else 503.

    Troubles elsewhere in the cluster are listed in the answer, and leave the site ready.
    """
    missing, others = readiness(), troubles()
    return JsonResponse(
        {"ready": not missing, "missing": missing} | ({"troubles": others} if others else {}),
        status=HTTPStatus.SERVICE_UNAVAILABLE if missing else HTTPStatus.OK,
        headers={"Cache-Control": "no-store"},
    )
