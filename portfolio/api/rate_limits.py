"""Quotas of a visitor, and the RateLimit fields that show how much of one is left.

`limit` enforces the quotas of refunds, tokens and listings, and
`cluster/storefront/admission.py` that of checkouts. Beside each is a limit of the address, for
clients that are a new visitor with each request. Source of the fields:
draft-ietf-httpapi-ratelimit-headers.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.db import Error, connection
from django.http import HttpRequest, HttpResponse
from ninja.decorators import decorate_view

from cluster.kit.visitors import address_key
from cluster.messaging.work import UnitOfWork
from cluster.storefront.admission import (
    LOCK,
    MOST_IN_PERIOD,
    PERIOD,
    TIMES_OF_CHECKOUTS,
    TIMES_OF_LISTINGS,
    TIMES_OF_REFUNDS,
    TIMES_OF_TOKENS,
    free_again,
)
from portfolio.api.problems import Problem, too_many
from portfolio.api.visitor import known_visitor
from portfolio.edge.rate_limit import FixedWindowLimiter

View = Callable[..., HttpResponse]

LEFT: Final = "ratelimit.left"  # in META: the RateLimit field, when the operation has computed it


@dataclass(frozen=True, slots=True)
class Policy:
    """A quota of `most` acceptances in `period`.

    `times` is the SQL that reads the times of a visitor's acceptances since a moment.
    """

    name: str
    most: int
    period: timedelta
    times: str

    def recent(self, cursor: Any, visitor: str, now: datetime) -> list[datetime]:
        """Return the times of this visitor's acceptances in the period, oldest first."""
        if not visitor:
            return []
        cursor.execute(self.times, (visitor, now - self.period, self.most))
        return [at for (at,) in cursor.fetchall()]

    def left(self, cursor: Any, visitor: str, now: datetime) -> str:
        """Return the RateLimit field: requests left, and seconds until one more is allowed."""
        times = self.recent(cursor, visitor, now)
        left = f'"{self.name}";r={self.most - len(times)}'
        return f"{left};t={free_again(times[0], now)}" if times else left


CHECKOUTS: Final = Policy("checkouts", MOST_IN_PERIOD, PERIOD, TIMES_OF_CHECKOUTS)
REFUNDS: Final = Policy("refunds", MOST_IN_PERIOD, PERIOD, TIMES_OF_REFUNDS)
LISTINGS: Final = Policy("listings", MOST_IN_PERIOD, PERIOD, TIMES_OF_LISTINGS)
TOKENS: Final = Policy("tokens", MOST_IN_PERIOD, PERIOD, TIMES_OF_TOKENS)

# What a visitor has no quota of, so that only the address is limited.
EXCHANGES: Final = "exchanges of tokens"
REVOCATIONS: Final = "revocations of tokens"
ERASURES: Final = "erasures"

MOST_OF_ADDRESS: Final = 6 * MOST_IN_PERIOD  # six visitors of one office at their full pace
_of_addresses: Final = {
    name: FixedWindowLimiter(name, MOST_OF_ADDRESS, int(PERIOD.total_seconds()))
    for name in (REFUNDS.name, LISTINGS.name, TOKENS.name, EXCHANGES, REVOCATIONS, ERASURES)
}


def limited(policy: Policy) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator that adds the RateLimit fields of the policy to every answer."""

    def decorate(run: View) -> View:
        @functools.wraps(run)
        def with_fields(request: HttpRequest, *arguments: Any, **names: Any) -> HttpResponse:
            response = run(request, *arguments, **names)
            window = int(policy.period.total_seconds())
            response.headers["RateLimit-Policy"] = f'"{policy.name}";q={policy.most};w={window}'
            # An invalid token names no visitor who has a quota, and without its database the
            # site cannot read one.
            with suppress(Problem, Error):
                response.headers["RateLimit"] = request.META.get(LEFT) or _left(policy, request)
            return response

        return with_fields

    return decorate_view(decorate)


def _left(policy: Policy, request: HttpRequest) -> str:
    visitor = known_visitor(request)
    with connection.cursor() as cursor:
        return policy.left(cursor, visitor, datetime.now(UTC))


def limit(work: UnitOfWork, request: HttpRequest, visitor: str, policy: Policy) -> None:
    """Raise Problem 429 unless the policy allows this visitor and its address one more."""
    limit_address(request, policy.name)
    work.cursor.execute(LOCK, (visitor,))
    recent = policy.recent(work.cursor, visitor, work.now)
    if len(recent) >= policy.most:
        wait = free_again(recent[0], work.now)
        detail = f"You have asked for {len(recent)} {policy.name} in the last minute."
        raise too_many(detail, retry_after=wait)


def limit_address(request: HttpRequest, name: str) -> None:
    """Raise Problem 429 when one address asks too often, be it as a new visitor each time."""
    if wait := _of_addresses[name].take(address_key(request)):
        detail = f"Your address has asked for {MOST_OF_ADDRESS} {name} in the last minute."
        raise too_many(detail, retry_after=wait)
