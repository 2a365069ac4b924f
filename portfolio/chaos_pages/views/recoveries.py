"""`/chaos/recoveries/`: the recovery times of each experiment over all kept runs."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

import msgspec
from django.db import Error
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from chaos.experiments.models import Incident
from chaos.reports.recoveries import Recovery, latest_interesting
from chaos.reports.recoveries import recoveries as read_recoveries
from cluster.kit.problems import problem
from cluster.secrets.django.reconnect import retry_on_disconnect
from cluster.secrets.postgres import is_outage
from portfolio.chaos_pages.content.strips import scale_of, strips

AWAY: Final = "What was measured cannot be read at this moment; the site’s database is away."


@require_safe
def recoveries(request: HttpRequest) -> HttpResponse:
    """Show the table of recovery times with their distributions, and one incident."""
    try:
        found, latest = retry_on_disconnect(_read)
    except Error as error:
        if not is_outage(error):
            raise
        return problem(request, HTTPStatus.SERVICE_UNAVAILABLE, AWAY, retry_after=2)
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
def recoveries_json(request: HttpRequest) -> HttpResponse:
    """Return the recovery times of every run in seconds, and the path of one incident, as JSON."""
    try:
        found, latest = retry_on_disconnect(_read)
    except Error as error:
        if not is_outage(error):
            raise
        return problem(request, HTTPStatus.SERVICE_UNAVAILABLE, AWAY, retry_after=2)
    latest_page = reverse("chaos:incident", args=[latest.id]) if latest else None
    body = msgspec.json.encode({"experiments": found, "latest_interesting": latest_page})
    return HttpResponse(body, content_type="application/json")


def _read() -> tuple[list[Recovery], Incident | None]:
    return read_recoveries(), latest_interesting()
