"""`/chaos/recoveries/`: the recovery times of each experiment over all kept runs."""

from __future__ import annotations

from typing import Final

import msgspec
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from chaos.reports.recoveries import latest_interesting
from chaos.reports.recoveries import recoveries as read_recoveries
from cluster.kit.problems import answers_when_away
from portfolio.chaos_pages.content.strips import scale_of, strips

AWAY: Final = "What was measured cannot be read at this moment; the site’s database is away."


@require_safe
@answers_when_away(AWAY)
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
@answers_when_away(AWAY)
def recoveries_json(_request: HttpRequest) -> HttpResponse:
    """Return the recovery times of every run in seconds, and the path of one incident, as JSON."""
    found, latest = read_recoveries(), latest_interesting()
    latest_page = reverse("chaos:incident", args=[latest.id]) if latest else None
    body = msgspec.json.encode({"experiments": found, "latest_interesting": latest_page})
    return HttpResponse(body, content_type="application/json")
