"""The chaos pages: what was broken and recorded, what was away, and for how long."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from django.db import Error
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from chaos.experiments.catalogue import EXPERIMENTS
from chaos.experiments.models import Incident
from chaos.experiments.store import document_of
from chaos.observer.client import latest
from chaos.observer.history import recent_outages, recoveries
from portfolio.web.problems import problem
from portfolio.web.reading import again_when_cut_off

SHOWN: Final = 30  # outages in the table
INCIDENTS: Final = 20  # records in the list
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
        incidents = again_when_cut_off(_incidents)
    except Error:
        context["away"] = OUTAGES_AWAY
        return render(request, "chaos/index.html", context, status=HTTPStatus.SERVICE_UNAVAILABLE)
    context["incidents"] = incidents
    context["experiments"] = len(EXPERIMENTS)
    context["outages"] = outages[:SHOWN]
    context["recoveries"] = recoveries(outages)
    context["counted"] = len(outages)
    return render(request, "chaos/index.html", context)


@require_safe
def incident(request: HttpRequest, incident_id: UUID) -> HttpResponse:
    """One record: what was broken, when what happened, and what was found afterwards."""
    try:
        found = again_when_cut_off(Incident.objects.filter(id=incident_id).first)
    except Error:
        return problem(request, HTTPStatus.SERVICE_UNAVAILABLE, OUTAGES_AWAY, retry_after=2)
    if found is None:
        return problem(request, HTTPStatus.NOT_FOUND, f"There is no incident {incident_id}.")
    document = document_of(found)
    if request.GET.get("format") == "json":
        return HttpResponse(
            document.as_json(),
            content_type="application/json",
            headers={"Content-Disposition": f'attachment; filename="{document.experiment}.json"'},
        )
    context = {
        "section": "chaos",
        "incident": document,
        "record": found.document,  # as the graph takes it
        "origin": found.origin,
    }
    return render(request, "chaos/incident.html", context)


def _incidents() -> list[Incident]:
    # The documents are large, and the list shows none of them.
    return list(Incident.objects.defer("document").order_by("-recorded_at")[:INCIDENTS])
