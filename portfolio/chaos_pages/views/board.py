"""`/chaos/`: the state of the platform, the experiments, and their results so far.

`/status.json` has the latest snapshot alone, for programs.
"""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from articles.owner.queries import NotKnown, Words, words_of
from chaos.experiments.models import Incident
from chaos.reports.recoveries import recoveries
from cluster.health.observer.client import follower, latest
from cluster.health.observer.models import recent_outages
from cluster.kit.problems import answers_when_away
from cluster.kit.visitors import known_visitor
from cluster.secrets.django.reconnect import read_or
from cluster.storefront.events import Mark
from cluster.storefront.queries import latest_events
from portfolio.chaos_pages.content.catalogue import groups
from portfolio.chaos_pages.content.drill import DRILLS, steps
from portfolio.chaos_pages.content.message_editing import offered
from portfolio.chaos_pages.content.phases import now
from portfolio.chaos_pages.content.queue import closed, places
from portfolio.chaos_pages.content.strips import scale_of, strips
from portfolio.chaos_pages.content.targets import last_outages, medians, target_groups

OUTAGES: Final = 12  # in the table
INCIDENTS: Final = 10
EVENTS: Final = 12
AWAY: Final = (
    "The site’s database is away, so the journal, the queue and past runs cannot be shown, and "
    "nothing can be asked for. What the observer sees is shown all the same."
)
OBSERVER_AWAY: Final = "The observer is away; nothing is measured at this moment."


@require_safe
def board(request: HttpRequest) -> HttpResponse:
    """Show the chaos page, a 503 with the observer's part alone while the database is away."""
    snapshot = latest()
    context: dict[str, Any] = {
        "section": "chaos",
        "snapshot": snapshot,
        "now": now(snapshot),
        "drills": [(drill, steps(drill, snapshot)) for drill in DRILLS],
        "words": _words(),
        "surgery": offered(),
        "marks": list(Mark),
        "drawn_at": datetime.now(UTC),
    }
    context |= read_or({"away": AWAY, "recoveries": [], "last": {}}, lambda: _read(request))
    status = HTTPStatus.SERVICE_UNAVAILABLE if "away" in context else HTTPStatus.OK
    found = context["recoveries"]
    drawn = strips(found)
    context["strips"] = [(one, drawn[one.experiment]) for one in found]
    context["scale"] = scale_of(found)
    context["groups"] = groups(found)
    if snapshot:
        context["targets"] = target_groups(snapshot, context["last"], medians(found))
    return render(request, "chaos/board.html", context, status=status)


@require_safe
@answers_when_away(AWAY)
def queue(request: HttpRequest) -> HttpResponse:
    """Return the queue as an HTML fragment, for a page that is already open."""
    found = places(known_visitor(request))
    response = render(request, "chaos/parts/places.html", {"places": found})
    response.headers["Cache-Control"] = "no-store"
    return response


def _words() -> Words | None:
    """Return the owner's words for this page, or None while they cannot be read."""
    try:
        return words_of("chaos")
    except NotKnown:
        return None


def _read(request: HttpRequest) -> dict[str, Any]:
    events = latest_events(EVENTS)
    waiting = places(known_visitor(request))
    incidents = Incident.objects.defer("document").order_by("-recorded_at")
    return {
        "closed": closed(),
        "places": waiting,
        "own_run": next((place.queued.run.id for place in waiting if place.mine), None),
        "recoveries": recoveries(),
        "last": last_outages(),
        "outages": recent_outages(OUTAGES),
        "incidents": list(incidents[:INCIDENTS]),
        "events": events,
        "most": EVENTS,
        "after": events[0].seq if events else 0,
    }


@require_safe
def status(_request: HttpRequest) -> HttpResponse:
    """Return the snapshot, or 503 with a sentence while the observer is away."""
    received = follower().received()
    response: HttpResponse
    if received is None:
        response = JsonResponse({"detail": OBSERVER_AWAY}, status=HTTPStatus.SERVICE_UNAVAILABLE)
        response.headers["Retry-After"] = "2"
    else:
        response = HttpResponse(received.encoded, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response
