"""`/chaos/experiments/<name>/`: one experiment of the catalogue, and its Chaos Toolkit document.

At `/chaos/compose/` one of a visitor's own, of a fault, a target, seconds and a load. Its address
is the experiment: `?fault=…&target=…&seconds=…&load=…`.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

import msgspec
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from chaos.experiments.catalogue import find
from chaos.experiments.composed import choice_of
from chaos.experiments.document import as_document
from chaos.experiments.models import Incident
from chaos.reports.recoveries import recoveries
from chaos.safety.permits import queue
from cluster.health.observer.client import latest
from cluster.kit.problems import problem, wants_json
from cluster.secrets.django.reconnect import read_or
from portfolio.chaos_pages.content.catalogue import COMPOSED, source_of
from portfolio.chaos_pages.content.composing import curl_of, form_of
from portfolio.chaos_pages.content.phases import now
from portfolio.chaos_pages.content.queue import closed
from portfolio.chaos_pages.content.strips import scale_of, strip_of

RUNS: Final = 50  # in the list
UNKNOWN: Final = "There is no experiment “{}”. The chaos page lists all there are."
AWAY: Final = (
    "The site’s database is away, so the runs so far cannot be shown and none can be asked for."
)


@require_safe
def experiment(request: HttpRequest, name: str) -> HttpResponse:
    """Show one experiment: its faults, its hypothesis, and the results of its runs."""
    found = find(name)
    if found is None:
        return problem(request, HTTPStatus.NOT_FOUND, UNKNOWN.format(name))
    snapshot = latest()
    context: dict[str, Any] = {
        "section": "chaos",
        "experiment": found,
        "source": source_of(found),
        "document": as_document(found),
        "composed": choice_of(found.name),
        "curl": curl_of(found, request.build_absolute_uri("/").rstrip("/")),
        "now": now(snapshot),
        "snapshot": snapshot,
    }
    context |= read_or({"away": AWAY}, lambda: _read(name))
    status = HTTPStatus.SERVICE_UNAVAILABLE if "away" in context else HTTPStatus.OK
    return render(request, "chaos/experiment.html", context, status=status)


@require_safe
def document(request: HttpRequest, name: str) -> HttpResponse:
    """Return the experiment as a Chaos Toolkit document.

    `?seed=N` is the seed of an experiment that is drawn from one.
    """
    found = find(name)
    if found is None:
        return problem(request, HTTPStatus.NOT_FOUND, UNKNOWN.format(name))
    asked = request.GET.get("seed", "")
    if asked and not (asked.isascii() and asked.isdigit() and len(asked) < 10):  # noqa: PLR2004
        return problem(request, HTTPStatus.UNPROCESSABLE_ENTITY, "The seed must be a whole number.")
    body = msgspec.json.format(
        msgspec.json.encode(as_document(found, int(asked) if asked else None)), indent=2
    )
    return HttpResponse(
        body,
        content_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="{name}.json"'},
    )


def _read(name: str) -> dict[str, Any]:
    runs = Incident.objects.filter(experiment=name).defer("document").order_by("-recorded_at")
    found = [one for one in recoveries() if one.experiment == name]
    scale = scale_of(found)
    return {
        "runs": list(runs[:RUNS]),
        "recovery": found[0] if found else None,
        "strip": strip_of(found[0], scale) if found else None,
        "scale": scale,
        "waiting": len(queue()),
        "closed": closed(),
    }


@require_safe
def compose(request: HttpRequest) -> HttpResponse:
    """Show the form, with the experiment of the address below it, or 422 with what is wrong."""
    form = form_of(request.GET.dict())
    if form.wrong and wants_json(request):
        return problem(request, HTTPStatus.UNPROCESSABLE_ENTITY, form.wrong)
    snapshot = latest()
    context: dict[str, Any] = {
        "section": "chaos",
        "form": form,
        "experiment": form.experiment,
        "source": COMPOSED,
        "now": now(snapshot),
        "snapshot": snapshot,
    }
    if form.experiment is not None and form.choice is not None:
        site = request.build_absolute_uri("/").rstrip("/")
        context["curl"] = curl_of(form.experiment, site)
        context["address"] = f"{site}{request.path}?{form.choice.query}"
    context |= read_or({"away": AWAY}, lambda: {"waiting": len(queue()), "closed": closed()})
    return render(request, "chaos/compose.html", context, status=_status(form.wrong, context))


def _status(wrong: str, context: dict[str, Any]) -> HTTPStatus:
    if wrong:
        return HTTPStatus.UNPROCESSABLE_ENTITY
    return HTTPStatus.SERVICE_UNAVAILABLE if "away" in context else HTTPStatus.OK
