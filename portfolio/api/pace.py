"""How much a visitor may ask for, told before it is used up.

Source: draft-ietf-httpapi-ratelimit-headers. The rule itself is where the work is accepted;
these fields only tell of it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.db import Error
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from ninja.decorators import decorate_view

from cluster.messaging.work import UnitOfWork
from portfolio.api.problems import TOO_MANY, Problem
from portfolio.api.visitor import known_visitor
from portfolio.models import CheckoutRequest, RefundRequest
from portfolio.web.checkouts import LOCK, MOST_IN_PERIOD, PERIOD, free_again

View = Callable[..., HttpResponse]

RECENT_REFUNDS: Final = """
    SELECT count(*), min(r.accepted_at)
      FROM refund_request r JOIN checkout_request c ON c.id = r.order_id
     WHERE c.visitor = %s AND r.accepted_at > %s
"""


@dataclass(frozen=True, slots=True)
class Policy:
    """At most `most` acceptances in `period`; `recent` finds those of a visitor since a time."""

    name: str
    most: int
    period: timedelta
    recent: Callable[[str, datetime], QuerySet[Any, datetime]]


def _checkouts(visitor: str, since: datetime) -> QuerySet[Any, datetime]:
    found = CheckoutRequest.objects.filter(visitor=visitor, accepted_at__gt=since)
    return found.order_by("accepted_at").values_list("accepted_at", flat=True)


def _refunds(visitor: str, since: datetime) -> QuerySet[Any, datetime]:
    orders = CheckoutRequest.objects.filter(visitor=visitor).values("id")
    found = RefundRequest.objects.filter(order_id__in=orders, accepted_at__gt=since)
    return found.order_by("accepted_at").values_list("accepted_at", flat=True)


CHECKOUTS: Final = Policy("checkouts", MOST_IN_PERIOD, PERIOD, _checkouts)
REFUNDS: Final = Policy("refunds", MOST_IN_PERIOD, PERIOD, _refunds)


def limited(policy: Policy) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Tell on every answer of an operation what the policy leaves this visitor."""

    def decorate(run: View) -> View:
        @functools.wraps(run)
        def with_fields(request: HttpRequest, *arguments: Any, **names: Any) -> HttpResponse:
            response = run(request, *arguments, **names)
            window = int(policy.period.total_seconds())
            response.headers["RateLimit-Policy"] = f'"{policy.name}";q={policy.most};w={window}'
            # Without a valid token there is nobody whose quota it is, and without its
            # database the site cannot know.
            with suppress(Problem, Error):
                response.headers["RateLimit"] = _left(policy, known_visitor(request))
            return response

        return with_fields

    return decorate_view(decorate)


def _left(policy: Policy, visitor: str) -> str:
    now = datetime.now(UTC)
    times = list(policy.recent(visitor, now - policy.period)[: policy.most]) if visitor else []
    left = f'"{policy.name}";r={policy.most - len(times)}'
    return f"{left};t={free_again(times[0], now)}" if times else left


def keep_refund_pace(work: UnitOfWork, visitor: str) -> None:
    """Raise Problem 429 unless this visitor may ask for one more refund."""
    work.cursor.execute(LOCK, (visitor,))
    work.cursor.execute(RECENT_REFUNDS, (visitor, work.now - REFUNDS.period))
    recent, first = work.cursor.fetchone() or (0, None)
    if recent >= REFUNDS.most:
        raise Problem(
            TOO_MANY.status,
            f"You have asked for {recent} refunds in the last minute.",
            TOO_MANY,
            headers={"Retry-After": str(free_again(first, work.now))},
        )
