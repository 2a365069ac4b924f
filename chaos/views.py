"""The chaos pages: what was away, and for how long."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from django.db import Error
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from chaos.observer.client import latest
from chaos.observer.history import recent_outages, recoveries
from portfolio.web.reading import again_when_cut_off

SHOWN: Final = 30  # outages in the table
COUNTED: Final = 1000  # outages of which the medians are made
OUTAGES_AWAY: Final = (
    "What was recorded cannot be read at this moment; the site’s database is away."
)


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """The latest outages, and how long each process took to be back."""
    context: dict[str, Any] = {"section": "chaos", "snapshot": latest()}
    try:
        outages = again_when_cut_off(lambda: recent_outages(COUNTED))
    except Error:
        context["away"] = OUTAGES_AWAY
        return render(request, "chaos/index.html", context, status=HTTPStatus.SERVICE_UNAVAILABLE)
    context["outages"] = outages[:SHOWN]
    context["recoveries"] = recoveries(outages)
    context["counted"] = len(outages)
    return render(request, "chaos/index.html", context)
