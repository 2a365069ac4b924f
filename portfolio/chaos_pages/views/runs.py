"""`/chaos/runs/`: ask for a run, follow it, withdraw it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

import msgspec
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from chaos.experiments.catalogue import find, title_of
from chaos.experiments.models import ExperimentRun
from chaos.safety.permits import Refused, ask_for_run, public_name, withdraw
from cluster.health.observer.client import latest
from cluster.health.observer.snapshot import Snapshot
from cluster.kit.problems import answers_when_away, problem, wants_json
from cluster.kit.visitors import address_key, known_visitor, visitor_of
from portfolio.chaos_pages.content.phases import happenings, now, stations
from portfolio.chaos_pages.content.queue import Place, is_open, place_of

AWAY: Final = "The site’s database is away, so this run cannot be shown. Try again in a moment."
UNREADABLE: Final = "The body is not a JSON object with the name of an experiment."
NO_SEED: Final = "The seed must be a whole number."
LONGEST_SEED: Final = 10  # digits


class Wish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The JSON body of a program: the name of an experiment, for a storm also its seed."""

    experiment: str
    seed: int | None = None


@require_POST
def ask(request: HttpRequest) -> HttpResponse:
    """Put a run of one experiment into the queue, or answer with the reason of the refusal."""
    try:
        wish = _wish(request)
    except ValueError as error:
        return problem(request, HTTPStatus.BAD_REQUEST, str(error))
    visitor = visitor_of(request)
    try:
        run = ask_for_run(
            experiment=wish.experiment,
            visitor=visitor,
            asked_by=public_name(visitor),
            remote=address_key(request),
            seed=wish.seed,
        )
    except Refused as refusal:
        return _refused(request, refusal)
    address = reverse("chaos:run", args=[run.id])
    if not wants_json(request):
        return HttpResponseRedirect(address)
    return _as_json(run, _place(run, visitor), status=HTTPStatus.ACCEPTED)


@require_safe
@answers_when_away(AWAY)
def run(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Show a run, or redirect to its report when it has ended with one."""
    visitor = known_visitor(request)
    found = ExperimentRun.objects.filter(id=run_id).first()
    if found is None:
        return problem(request, HTTPStatus.NOT_FOUND, f"There is no run {run_id}.")
    place = _place(found, visitor)
    if wants_json(request):
        return _as_json(found, place)
    if found.state == ExperimentRun.ENDED and found.incident_id:
        return HttpResponseRedirect(reverse("chaos:incident", args=[found.incident_id]))
    return render(request, "chaos/run.html", _context(found, place, visitor))


@require_POST
def take_back(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Remove the visitor's own run from the queue, or cut it short while it runs."""
    visitor = known_visitor(request)
    try:
        found = withdraw(run_id, visitor)
    except Refused as refusal:
        return _refused(request, refusal)
    if wants_json(request):
        return _as_json(found, None)
    return HttpResponseRedirect(reverse("chaos:run", args=[run_id]))


def _wish(request: HttpRequest) -> Wish:
    """Return the run that a form or JSON asks for. Raises ValueError with a sentence."""
    if request.content_type == "application/json":
        try:
            return msgspec.json.decode(request.body, type=Wish)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise ValueError(UNREADABLE) from error
    seed = request.POST.get("seed", "").strip()
    if seed and not (seed.isascii() and seed.isdigit() and len(seed) <= LONGEST_SEED):
        raise ValueError(NO_SEED)
    return Wish(request.POST.get("experiment", ""), int(seed) if seed else None)


def _place(found: ExperimentRun, visitor: str) -> Place | None:
    return place_of(found.id, visitor) if is_open(found) else None


def _context(found: ExperimentRun, place: Place | None, visitor: str) -> dict[str, Any]:
    snapshot = latest()
    mine_now = _is_running(found, snapshot)
    standing = now(snapshot)
    ended = found.state not in (ExperimentRun.QUEUED, ExperimentRun.RUNNING)
    return {
        "section": "chaos",
        "run": found,
        "experiment": find(found.experiment),
        "title": title_of(found.experiment),
        "place": place,
        "mine": bool(visitor) and found.visitor == visitor,
        "ended": ended,
        "now": standing if mine_now else None,
        "stations": standing.stations if mine_now else stations("ended" if ended else None),
        "happenings": happenings(found, snapshot),
        "snapshot": snapshot,
    }


def _is_running(found: ExperimentRun, snapshot: Snapshot | None) -> bool:
    experiment = snapshot.experiment if snapshot else None
    return experiment is not None and experiment.run == str(found.id)


def _as_json(
    found: ExperimentRun, place: Place | None, *, status: HTTPStatus = HTTPStatus.OK
) -> HttpResponse:
    report = reverse("chaos:incident", args=[found.incident_id]) if found.incident_id else None
    body = {
        "id": str(found.id),
        "experiment": found.experiment,
        "title": title_of(found.experiment),
        "seed": found.seed,
        "state": found.state,
        "words": found.words,
        "position": place.queued.position if place else None,
        "wait": place.queued.wait if place else None,
        "asked_by": found.asked_by,
        "address": reverse("chaos:run", args=[found.id]),
        "order": str(found.order) if found.order else None,
        "report": report,
    }
    response = JsonResponse(body, status=status)
    response.headers["Cache-Control"] = "no-store"
    if status == HTTPStatus.ACCEPTED:
        response.headers["Location"] = reverse("chaos:run", args=[found.id])
    return response


def _refused(request: HttpRequest, refusal: Refused) -> HttpResponse:
    return problem(request, refusal.status, refusal.sentence, retry_after=refusal.retry_after)
