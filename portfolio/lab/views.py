"""The lab: all services, and a page for each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final

from django.db import Error
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from articles.owner.queries import NotKnown, words_of
from cluster.health.observer.client import latest
from cluster.health.observer.snapshot import Process, ServiceState
from cluster.kit.page_cache import cached_page
from cluster.kit.problems import problem
from cluster.secrets.django.reconnect import retry_on_disconnect
from cluster.secrets.postgres import is_outage
from cluster.storefront.events import Mark
from cluster.storefront.queries import latest_events_from, products
from portfolio.architecture.tables import own_tables
from portfolio.demos.registry import DEMOS
from portfolio.lab.services import PARTICIPANTS, SHARED, Participant
from portfolio.lab.time_series import course_of
from portfolio.lab.traffic import traffic
from portfolio.pages.owner_pages import words_away

EVENTS: Final = 12
EVENTS_AWAY: Final = "The journal cannot be read at this moment; the site’s database is away."


@dataclass(frozen=True)
class Reading:
    """The numbers and the processes of a service, as the observer last saw them."""

    participant: Participant
    state: ServiceState | None
    processes: list[Process]

    @property
    def words(self) -> str:
        """The service's state in one short sentence."""
        if self.state is None or self.state.healthy is None:
            return "no reading"
        if self.state.healthy:
            return "in order"
        troubled = [process for process in self.processes if process.healthy is False]
        return "; ".join(f"{it.name}: {it.words}" for it in troubled) or "not in order"


@cached_page(lifetime=2)
@require_safe
def lab(request: HttpRequest) -> HttpResponse:
    """Show every service with its current numbers."""
    try:
        words = words_of("lab")
    except NotKnown:
        return words_away(request)
    context = {
        "words": words,
        "readings": [reading_of(participant) for participant in PARTICIPANTS.values()],
        "snapshot": latest(),
        "shared": SHARED,
    }
    return render(request, "portfolio/lab.html", context)


@require_safe
def service(request: HttpRequest, name: str) -> HttpResponse:
    """Show one service: its data, patterns, messages, numbers and demos."""
    participant = PARTICIPANTS.get(name)
    if participant is None:
        known = ", ".join(PARTICIPANTS)
        return problem(
            request, HTTPStatus.NOT_FOUND, f"There is no service {name!r} here; there are {known}."
        )
    names = list(PARTICIPANTS)
    following = names[(names.index(name) + 1) % len(names)]
    now = datetime.now(UTC)
    context: dict[str, Any] = {
        "participant": participant,
        "reading": reading_of(participant),
        "snapshot": latest(),
        "tables": own_tables(name),
        "traffic": traffic(name),
        "own_demos": [demo for demo in DEMOS.values() if demo.service == name],
        "following": PARTICIPANTS[following],
        "drawn_at": now,
        "marks": list(Mark),
    }
    try:
        context["course"] = retry_on_disconnect(lambda: course_of(name, now))
        context["events"] = retry_on_disconnect(lambda: latest_events_from(name, EVENTS))
        listed = {product.sku for product in retry_on_disconnect(products)}
        context["checkouts"] = [one for one in participant.checkouts if one.sku in listed]
    except Error as error:
        if not is_outage(error):
            raise
        context["away"] = EVENTS_AWAY
    return render(request, "portfolio/lab_service.html", context)


def reading_of(participant: Participant) -> Reading:
    """Return the observer's newest reading of a service, an empty one while it is away."""
    snapshot = latest()
    if snapshot is None:
        return Reading(participant, None, [])
    return Reading(
        participant,
        snapshot.service(participant.name),
        [it for it in snapshot.processes if it.service == participant.name],
    )
