"""What supervisors and probes ask."""

from __future__ import annotations

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from portfolio.web.readiness import readiness, troubles


async def healthz(_request: HttpRequest) -> HttpResponse:
    """The process answers; it asks nobody else."""
    return HttpResponse("ok\n", content_type="text/plain", headers={"Cache-Control": "no-store"})


@require_safe
def readyz(_request: HttpRequest) -> HttpResponse:
    """The site can serve: its database answers, and its journal is written and can be read.

    What else does not move in the cluster is named, and leaves the site ready.
    """
    missing, others = readiness(), troubles()
    return JsonResponse(
        {"ready": not missing, "missing": missing} | ({"troubles": others} if others else {}),
        status=HTTPStatus.SERVICE_UNAVAILABLE if missing else HTTPStatus.OK,
        headers={"Cache-Control": "no-store"},
    )
