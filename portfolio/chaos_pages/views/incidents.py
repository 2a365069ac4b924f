"""`/chaos/incidents/<id>/`: the report of one run, to read, print, download and replay.

At `/chaos/recoveries/` the recovery times of each experiment over all kept runs.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final
from uuid import UUID

import msgspec
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from chaos.experiments.catalogue import find
from chaos.experiments.exercised import not_exercised
from chaos.experiments.models import Incident
from chaos.experiments.repository import document_of
from chaos.reports.recoveries import latest_interesting
from chaos.reports.recoveries import recoveries as read_recoveries
from cluster.kit.problems import answers_when_away, problem
from portfolio.chaos_pages.content.incidents import invariants_in_order, probe_rows, verdict
from portfolio.chaos_pages.content.strips import scale_of, strips
from portfolio.chaos_pages.content.timeline import bars, moments

AWAY: Final = "The report cannot be read at this moment; the site’s database is away."

MEASURED_AWAY: Final = (
    "What was measured cannot be read at this moment; the site’s database is away."
)


@require_safe
@answers_when_away(AWAY)
def incident(request: HttpRequest, incident_id: UUID) -> HttpResponse:
    """Show the report of one incident, or return its document for `?format=json`."""
    found = Incident.objects.filter(id=incident_id).first()
    if found is None:
        return problem(request, HTTPStatus.NOT_FOUND, f"There is no incident {incident_id}.")
    document = document_of(found)
    if request.GET.get("format") == "json":
        return HttpResponse(
            document.as_json(),
            content_type="application/json",
            headers={"Content-Disposition": f'attachment; filename="{document.experiment}.json"'},
        )
    passed = moments(document)
    context = {
        "section": "chaos",
        "incident": document,
        "verdict": verdict(document),
        "moments": passed,
        "bars": bars(passed),
        "probes": probe_rows(document.readings),
        "invariants": list(invariants_in_order(document)),
        "not_exercised": not_exercised(document),
        "experiment": find(document.experiment),
        "record": found.document,  # as the graph takes it
        "origin": found.origin,
    }
    return render(request, "chaos/incident.html", context)


@require_safe
@answers_when_away(MEASURED_AWAY)
def recoveries(request: HttpRequest) -> HttpResponse:
    """Show the table of recovery times with their distributions, and one incident."""
    found, latest = read_recoveries(), latest_interesting()
    drawn = strips(found)
    context = {
        "section": "chaos",
        "strips": [(one, drawn[one.experiment]) for one in found],
        "scale": scale_of(found),
        "runs": sum(one.runs for one in found),
        "latest": latest,
    }
    return render(request, "chaos/recoveries.html", context)


@require_safe
@answers_when_away(MEASURED_AWAY)
def recoveries_json(_request: HttpRequest) -> HttpResponse:
    """Return the recovery times of every run in seconds, and the path of one incident, as JSON."""
    found, latest = read_recoveries(), latest_interesting()
    latest_page = reverse("chaos:incident", args=[latest.id]) if latest else None
    body = msgspec.json.encode({"experiments": found, "latest_interesting": latest_page})
    return HttpResponse(body, content_type="application/json")
