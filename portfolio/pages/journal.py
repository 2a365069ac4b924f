"""The journal's pages: every message, and one saga's."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from cluster.kit.problems import answers_when_away, problem
from cluster.secrets.django.reconnect import read_or
from cluster.storefront.events import Mark, money
from cluster.storefront.headcode import headcode
from cluster.storefront.models import CheckoutRequest
from cluster.storefront.queries import events_of, last_seq, latest_events, products, trace_of
from portfolio.pages.checkouts import OUTCOMES
from portfolio.pages.saga_steps import step_rows

SHOWN: Final = 30
SHOWN_OF_ONE: Final = 200
JOURNAL_AWAY: Final = "The journal cannot be read at this moment; its database is away."


@require_safe
def events(request: HttpRequest) -> HttpResponse:
    """Show the graph, the latest events, and the form that starts a checkout."""
    context = {"outcomes": OUTCOMES, **_table()}
    found = read_or(None, lambda: (latest_events(SHOWN), products()))
    if found is None:
        context["away"] = JOURNAL_AWAY
        status = HTTPStatus.SERVICE_UNAVAILABLE
        return render(request, "portfolio/events.html", context, status=status)
    newest, context["products"] = found
    context["events"] = newest
    context["after"] = newest[0].seq if newest else 0
    return render(request, "portfolio/events.html", context)


@require_safe
@answers_when_away(JOURNAL_AWAY)
def saga(request: HttpRequest, saga_id: UUID) -> HttpResponse:
    """Show one saga: its state, and every message that it has caused."""
    # Read first: the browser follows the stream from here, and the page has what came before.
    after = last_seq()
    messages = events_of(saga_id, SHOWN_OF_ONE, up_to=after)
    accepted = CheckoutRequest.objects.filter(id=saga_id).first()
    if accepted is None and not messages:
        return problem(request, HTTPStatus.NOT_FOUND, f"There is no saga {saga_id}.")
    context = {
        "saga_id": saga_id,
        "headcode": headcode(saga_id),
        "checkout": accepted,
        "amount": money(accepted.amount) if accepted else "",
        "events": messages,
        "steps": step_rows(messages),
        "trace_id": trace_of(saga_id),
        "after": after,
        **_table(),
    }
    return render(request, "portfolio/saga.html", context)


def _table() -> dict[str, Any]:
    return {"marks": list(Mark), "drawn_at": datetime.now(UTC)}
