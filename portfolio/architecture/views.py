"""The pages of the plan: all of it, one service, one process."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.views.decorators.http import require_safe

from articles.models import Article
from chaos.experiments.catalogue import experiments_on
from cluster.health.observer.client import latest
from cluster.health.observer.snapshot import Snapshot
from cluster.kit.problems import problem
from cluster.secrets.django.reconnect import read_or
from cluster.storefront.models import Product
from portfolio.architecture import drawing, layout_service, path, route, tables, timeline
from portfolio.architecture.descriptions import command_of, knowledge
from portfolio.architecture.experiments import record_of
from portfolio.architecture.plan import ALIASES, Kind, Node, plan
from portfolio.architecture.queries import reading

AWAY: Final = "The site’s database is away, so this cannot be told at the moment."
NO_SUCH_PATH: Final = "There is no saga of this id in the journal."
NO_PATH_YET: Final = "No checkout has ended yet, so there is no path to draw."


@require_safe
def region(request: HttpRequest) -> HttpResponse:
    """Show the whole plan, and with ?path=latest or ?path=ID the path of one saga over it."""
    snapshot = latest()
    asked = request.GET.get("path", "")
    drawn, problem_words = _path(asked) if asked else (None, "")
    wide, narrow = drawing.drawings(snapshot)
    context = {
        **_common(snapshot, region=True),
        "drawings": [(one, route.route(one.arrangement, drawn) if drawn else None)
                     for one in (wide, narrow)],
        "rows": drawing.rows(snapshot),
        "links": drawing.link_rows(snapshot),
        "path": drawn,
        "ladders": route.ladders(drawn) if drawn else None,
        "path_problem": problem_words,
        "sku": read_or(None, _anything_restocked),
    }  # fmt: skip
    # The browser, which has the plan, asks for the path alone.
    name = "only_path" if request.GET.get("only") == "path" else "region"
    return render(request, f"portfolio/architecture/{name}.html", context)


@require_safe
def node(request: HttpRequest, name: str) -> HttpResponse:
    """Show one service or one process."""
    if name in ALIASES:
        return redirect("architecture-node", ALIASES[name], permanent=True)
    found = plan().nodes.get(name)
    if found is None:
        return problem(request, HTTPStatus.NOT_FOUND, f"Nothing on the plan is called “{name}”.")
    if found.kind is Kind.SERVICE:
        return _service(request, found)
    return _instance(request, found)


def _service(request: HttpRequest, found: Node) -> HttpResponse:
    snapshot = latest()
    parts = [part.name for part in plan().parts(found.name)]
    context = {
        **_common(snapshot),
        **_of_node(found, snapshot, parts),
        "yards": [_yard(one, snapshot) for one in layout_service.yards(found.name)],
        "parts": drawing.rows(snapshot, parts),
        "own_tables": tables.own_tables(found.name),
        "messaging_tables": tables.messaging_tables(),
        "heard": tables.heard(found.name, snapshot),
        "told": tables.told(found.name, snapshot),
        "journals": found.name == "site",
        "curves": read_or(None, lambda: timeline.curves(found.name)),
        "lab": _address("lab-service", found.name),
    }  # fmt: skip
    return render(request, "portfolio/architecture/service.html", context)


def _yard(one: layout_service.Yard, snapshot: Snapshot | None) -> tuple[drawing.Drawing, list[Any]]:
    """Return the drawing of a service enlarged, and its sidings with their numbers."""
    return drawing.draw(one.arrangement, snapshot), [
        (siding, drawing.place(siding.number, snapshot) if siding.number else None)
        for siding in one.sidings
    ]


def _instance(request: HttpRequest, found: Node) -> HttpResponse:
    snapshot = latest()
    context = {
        **_common(snapshot),
        **_of_node(found, snapshot, [found.name]),
        "process": snapshot.process(found.name) if snapshot else None,
        "figures": drawing.instance_figures(found, snapshot),
        "command": command_of(found),
    }
    return render(request, "portfolio/architecture/instance.html", context)


def _common(snapshot: Snapshot | None, *, region: bool = False) -> dict[str, Any]:
    return {
        "section": "architecture",
        "snapshot": snapshot,
        "level": "region" if region else "node",
        "up": "" if region else reverse("architecture"),
    }


def _of_node(found: Node, snapshot: Snapshot | None, processes: list[str]) -> dict[str, Any]:
    """Return the context that the pages of services and of processes share."""
    known = knowledge(found)
    up = reverse("architecture-node", args=[found.above]) if found.above else None
    return {
        "node": found,
        "known": known,
        "reading": reading(found, snapshot),
        "row": drawing.rows(snapshot, [found.name])[0],
        "links": drawing.link_rows(snapshot, found.name),
        "up": up or reverse("architecture"),
        "rails": timeline.rails(processes, snapshot)
        if snapshot and found.kind is not Kind.BROWSER
        else None,
        "experiments": list(
            {one.name: one for name in processes for one in experiments_on(name)}.values()
        ),
        "record": read_or(None, lambda: record_of(processes)),
        "record_away": AWAY,
        "articles": read_or(None, lambda: _articles(found)),
    }


def _path(asked: str) -> tuple[path.Path | None, str]:
    """Return the path that was asked for, or a sentence on why there is none."""
    return read_or((None, AWAY), lambda: _read_path(asked))


def _read_path(asked: str) -> tuple[path.Path | None, str]:
    try:
        saga = path.latest_finished() if asked == "latest" else UUID(asked)
    except ValueError:
        return None, NO_SUCH_PATH
    if saga is None:
        return None, NO_PATH_YET
    found = path.path_of(saga)
    # A checkout accepted a moment ago has a status, but may not have reached the journal yet.
    return (found, "") if found.hops or found.status else (None, NO_SUCH_PATH)


def _anything_restocked() -> str | None:
    """Return the SKU of a product that is restocked, so that it can be bought at any time."""
    products = Product.objects.filter(restocked=True).order_by("sku")
    return products.values_list("sku", flat=True).first()


def _articles(found: Node) -> list[Article]:
    """Return at most four articles that list or name the source of this node's patterns."""
    modules = {
        target.partition(":")[0]
        for pattern in knowledge(found).patterns
        for target in pattern.sources
    }
    wanted = Q()
    for module in modules:
        wanted |= Q(body__contains=module)
    return list(Article.objects.visible().filter(wanted)[:4]) if modules else []


def _address(name: str, *arguments: str) -> str:
    """Return the address of another page, or an empty string while there is none."""
    try:
        return reverse(name, args=arguments)
    except NoReverseMatch:
        return ""
