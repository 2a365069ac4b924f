"""Health and readiness, for programs that monitor the site over its API."""
# ruff: noqa: ARG001  # an operation takes the request first

from __future__ import annotations

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from ninja import Field, Router, Schema

from portfolio.api.describe import told
from portfolio.api.problems import RETRY_SOON, Problem
from portfolio.edge.health import readiness

router = Router(tags=["System"])


class Health(Schema):
    """The process answers."""

    status: str = Field("ok", examples=["ok"])


class Readiness(Schema):
    """The site can serve."""

    ready: bool = Field(True, description="Always true: otherwise the answer is a problem.")


@router.get(
    "/health",
    response=Health,
    summary="Whether the process answers",
    openapi_extra=told(personal=False),
)
def get_health(request: HttpRequest, response: HttpResponse) -> Health:
    """Return `ok` while the web process answers. It asks neither the database nor the broker."""
    response.headers["Cache-Control"] = "no-store"
    return Health(status="ok")


@router.get(
    "/ready",
    response=Readiness,
    summary="Whether the site can serve",
    openapi_extra=told(personal=False),
)
def get_readiness(request: HttpRequest, response: HttpResponse) -> Readiness:
    """Return 200 when the site's database answers and its journal is written and readable.

    Otherwise the status is 503, and `missing` names each part that does not work.
    """
    response.headers["Cache-Control"] = "no-store"
    missing = readiness()
    if missing:
        raise Problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "; ".join(f"The {part}: {why}" for part, why in missing.items()) + ".",
            headers={"Retry-After": str(RETRY_SOON)},
            extensions={"missing": missing},
        )
    return Readiness(ready=True)
