"""`/lab/demos/`: every demo, a page for each, and its runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from articles.models import Article
from chaos.experiments.catalogue import EXPERIMENTS
from cluster.kit.graph.rails import ENTRY
from cluster.kit.problems import answers_when_away, problem
from cluster.kit.visitors import address_key, known_visitor, visitor_of
from cluster.messaging.envelope import new_message_id
from cluster.secrets.django.reconnect import retry_on_disconnect
from cluster.storefront.events import Mark, StreamEvent
from cluster.storefront.headcode import headcode
from cluster.storefront.queries import events_of, last_seq
from portfolio.demos.controls import InvalidChoice, Value, read_values
from portfolio.demos.demo import Demo
from portfolio.demos.models import DemoRun
from portfolio.demos.registry import DEMOS
from portfolio.demos.result import Exchange, Result
from portfolio.demos.runs import PAUSES, RunRefused, kept, latest_of, result_of, run_demo, standing
from portfolio.lab.services import PARTICIPANTS, Participant

AWAY: Final = "The site’s database is away, so no demo can be run. Try again in a moment."
MESSAGES: Final = 60  # of the first saga that a run began


@dataclass(frozen=True, slots=True)
class Group:
    """The demos of one service."""

    participant: Participant
    demos: list[Demo]


@dataclass(frozen=True, slots=True)
class Shown:
    """A request as the page shows it, with the line that makes it again."""

    exchange: Exchange
    curl: str


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """List every demo, by the service whose work it shows."""
    groups = [
        Group(participant, [demo for demo in DEMOS.values() if demo.service == name])
        for name, participant in PARTICIPANTS.items()
    ]
    context = {"groups": [group for group in groups if group.demos], "count": len(DEMOS)}
    return render(request, "portfolio/demos/index.html", context)


@require_safe
@answers_when_away(AWAY, pauses=())
def demo(request: HttpRequest, slug: str) -> HttpResponse:
    """Show one demo, with this visitor's latest run of it."""
    found = DEMOS.get(slug)
    if found is None:
        return _unknown(request, slug)
    run = latest_of(known_visitor(request), found)
    return render(request, "portfolio/demos/demo.html", _context(request, found, run))


@require_POST
@answers_when_away(AWAY, pauses=())
def begin(request: HttpRequest, slug: str) -> HttpResponse:
    """Run a demo, and redirect to its result."""
    found = DEMOS.get(slug)
    if found is None:
        return _unknown(request, slug)
    try:
        run_id = UUID(request.POST.get("run", ""))
    except ValueError:
        run_id = new_message_id()
    raw = {c.name: request.POST[c.name] for c in found.controls if c.name in request.POST}
    try:
        choices = read_values(found.controls, raw)
        run_demo(
            found,
            choices,
            run_id=run_id,
            cookies=visitors_cookies(request),
            visitor=visitor_of(request),
            address=address_key(request),
        )
    except InvalidChoice as error:
        return problem(request, HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
    except RunRefused as error:
        return problem(request, error.status, str(error), retry_after=error.retry_after)
    except DemoRun.DoesNotExist:
        return problem(request, HTTPStatus.CONFLICT, "This run’s id belongs to another demo.")
    return HttpResponseRedirect(reverse("demo-run", args=[slug, run_id]) + "#result")


@require_safe
@answers_when_away(AWAY, pauses=())
def run(request: HttpRequest, slug: str, run_id: UUID) -> HttpResponse:
    """Show the result of one run, at its permanent address."""
    found = DEMOS.get(slug)
    if found is None:
        return _unknown(request, slug)
    try:
        context = _context(request, found, kept(run_id, found))
        return render(request, "portfolio/demos/demo.html", context)
    except DemoRun.DoesNotExist:
        return problem(
            request,
            HTTPStatus.NOT_FOUND,
            "There is no such run of this demo. Runs are kept for seven days.",
        )


def visitors_cookies(request: HttpRequest) -> dict[str, str]:
    """Return this visitor's session cookie, whether the browser has received it yet or not."""

    def save() -> None:
        visitor_of(request)
        request.session.save()

    retry_on_disconnect(save, PAUSES)
    return {settings.SESSION_COOKIE_NAME: str(request.session.session_key)}


def _unknown(request: HttpRequest, slug: str) -> HttpResponse:
    return problem(
        request,
        HTTPStatus.NOT_FOUND,
        f"There is no demo “{slug}”. The lab lists all there are.",
    )


def _context(request: HttpRequest, found: Demo, run: DemoRun | None) -> dict[str, Any]:
    site = request.build_absolute_uri("/").rstrip("/")
    result = result_of(run) if run is not None else None
    choices: Mapping[str, Value] = (
        run.choices if run is not None else {c.name: c.default for c in found.controls}
    )
    return {
        "demo": found,
        "controls": [(control, choices.get(control.name)) for control in found.controls],
        "run": run,
        "next_run": new_message_id(),
        "result": result,
        "standing": standing(run) if run is not None else "",
        "sides": _sides(result, site),
        "curl": _curl(found, choices, site),
        "sagas": [(one, headcode(one)) for one in result.correlations] if result else [],
        "article": _article(found),
        "experiment": EXPERIMENTS.get(found.experiment),
        "drawn_at": datetime.now(UTC),
        "marks": list(Mark),
        **_messages(result),
    }


def _sides(result: Result | None, site: str) -> list[dict[str, Any]]:
    return [
        {
            "side": side,
            "exchanges": [Shown(exchange, exchange.curl(site)) for exchange in side.exchanges],
        }
        for side in (result.sides if result else ())
    ]


def _curl(found: Demo, choices: Mapping[str, Value], site: str) -> str:
    """Return the line for a shell that runs the demo without this page."""
    return Exchange(
        method="POST",
        path=f"/api/v1/demos/{found.slug}/runs",
        status=0,
        milliseconds=0,
        request_headers={"Content-Type": "application/json"},
        request_body=json.dumps({"choices": dict(choices)}),
    ).curl(site)


def _messages(result: Result | None) -> dict[str, Any]:
    """Return the messages of the first saga that the run started, for the event table."""
    if result is None or not result.correlations:
        return {}
    saga_id = result.correlations[0]
    after = retry_on_disconnect(last_seq)
    events: list[StreamEvent] = retry_on_disconnect(
        lambda: events_of(saga_id, MESSAGES, up_to=after)
    )
    # The graph draws lines from rail to rail: messages of one service alone have none.
    drawn = len({event.code for event in events} - {ENTRY}) > 1
    return {"saga_id": saga_id, "events": events, "after": after, "drawn": drawn}


def _article(found: Demo) -> Article | None:
    if not found.article:
        return None
    return retry_on_disconnect(Article.objects.filter(slug=found.article).first)
