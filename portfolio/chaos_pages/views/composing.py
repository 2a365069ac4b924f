"""`/chaos/compose/`: an experiment of one's own, of a fault, a target, seconds and a load.

Its address is the experiment: `?fault=…&target=…&seconds=…&load=…`.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from chaos.safety.permits import queue
from cluster.health.observer.client import latest
from cluster.kit.problems import problem, wants_json
from cluster.secrets.django.reconnect import read_or
from portfolio.chaos_pages.content.catalogue import COMPOSED
from portfolio.chaos_pages.content.composing import curl_of, form_of
from portfolio.chaos_pages.content.phases import now
from portfolio.chaos_pages.content.queue import closed
from portfolio.chaos_pages.views.experiments import AWAY


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
