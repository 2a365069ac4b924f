"""POST /checkouts/: a visitor starts a real checkout."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_POST

from cluster.messaging.work import UnitOfWork
from cluster.secrets.postgres import DatabaseUnavailable
from portfolio.admission import TooManyRequests
from portfolio.headcode import headcode
from portfolio.requests import CheckoutOrder, InvalidRequest, Outcome, accept_checkouts
from portfolio.unit import run_unit
from portfolio.web.forms import CheckoutForm
from portfolio.web.pace import Pace, address_key
from portfolio.web.problems import problem, wants_json
from portfolio.web.visitors import visitor_of

PERIOD: Final = timedelta(minutes=1)
MOST_IN_PERIOD: Final = 10  # for each session: enough to play, too few to hurt
MOST_OF_ADDRESS: Final = 60  # in the same period, for an office that shares an address

# The lock makes two requests of one visitor wait for each other, or both would pass.
LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
RECENT: Final = """
    SELECT count(*), min(accepted_at) FROM checkout_request
     WHERE visitor = %s AND accepted_at > %s AND id <> %s
"""

_of_addresses: Final = Pace(MOST_OF_ADDRESS, PERIOD.total_seconds())


@require_POST
def start(request: HttpRequest) -> HttpResponse:
    """Accept one checkout and lead to its page, or say why not."""
    form = CheckoutForm(request.POST)
    if not form.is_valid():
        return problem(request, HTTPStatus.UNPROCESSABLE_ENTITY, form.sentence())
    outcome = Outcome(form.cleaned_data["outcome"])
    order = CheckoutOrder(
        visitor=visitor_of(request),
        sku=form.cleaned_data["sku"],
        quantity=form.cleaned_data["quantity"] or 1,
        card=outcome.card,
        requested_outcome=outcome,
    )
    try:
        keep_pace_of_address(request)
        run_unit(lambda work: _accept(work, order))
    except InvalidRequest as error:
        return problem(request, HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
    except TooManyRequests as error:
        return problem(request, error.status, str(error), retry_after=error.retry_after)
    except DatabaseUnavailable:
        return problem(
            request,
            HTTPStatus.SERVICE_UNAVAILABLE,
            "The site's database is away, so nothing was accepted. Try again in a moment.",
            retry_after=2,
        )
    return accepted(request, order.id)


def _accept(work: UnitOfWork, order: CheckoutOrder) -> None:
    keep_pace(work, order)
    accept_checkouts(work, requests=[order])


def keep_pace_of_address(request: HttpRequest) -> None:
    """Raise TooManyRequests when too many come from one address, with or without cookies."""
    wait = _of_addresses.take(address_key(request))
    if wait:
        raise TooManyRequests(
            f"{MOST_OF_ADDRESS} checkouts were started from your address within a minute. "
            "Wait a little.",
            status=HTTPStatus.TOO_MANY_REQUESTS,
            retry_after=math.ceil(wait),
        )


def keep_pace(work: UnitOfWork, order: CheckoutOrder) -> None:
    """Raise TooManyRequests unless this visitor may begin one more.

    Two requests of one visitor wait for each other until the transaction ends.
    """
    work.cursor.execute(LOCK, (order.visitor,))
    work.cursor.execute(RECENT, (order.visitor, work.now - PERIOD, order.id))
    recent, first = work.cursor.fetchone() or (0, None)
    if recent >= MOST_IN_PERIOD:
        raise TooManyRequests(
            f"You have started {recent} checkouts in the last minute. Wait for some to end.",
            status=HTTPStatus.TOO_MANY_REQUESTS,
            retry_after=free_again(first, work.now),
        )


def free_again(first: datetime | None, now: datetime) -> int:
    """Seconds until the first of the latest checkouts is older than PERIOD; at least one."""
    waiting = PERIOD if first is None else first + PERIOD - now
    return max(1, math.ceil(waiting.total_seconds()))


def accepted(request: HttpRequest, checkout_id: UUID) -> HttpResponse:
    """The answer to whoever has begun a checkout: its page, or what programs need."""
    address = reverse("saga", args=[checkout_id])
    if not wants_json(request):
        return HttpResponseRedirect(address)
    body = {"id": str(checkout_id), "headcode": headcode(checkout_id), "status": "accepted"}
    return JsonResponse(body, status=HTTPStatus.ACCEPTED, headers={"Location": address})
