"""The admin's login: sessions end after twelve hours, and failed attempts lock it sooner.

Django-axes counts failed attempts in the database, by user name and address. The answer to a
locked login is here, and the numbers are in the settings, as AXES_*.
"""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import Any, Final

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from cluster.kit.problems import problem, wants_json

LONGEST_SESSION: Final = 12 * 3600  # seconds from the login; a working day
SINCE: Final = "signed_in_at"  # in the session: seconds of the epoch


def mark_new_sessions() -> None:
    """Have every login store its time in the session, and limit the cookie to LONGEST_SESSION."""
    user_logged_in.connect(_mark, dispatch_uid="portfolio.admin_site.login")


def _mark(request: HttpRequest | None, **_: Any) -> None:
    if request is not None and hasattr(request, "session"):
        request.session[SINCE] = int(time.time())
        # The signature alone would let the cookie be used for two weeks: see is_fresh.
        request.session.set_expiry(LONGEST_SESSION)


def is_fresh(request: HttpRequest) -> bool:
    """Return whether the login of this session was in the last LONGEST_SESSION seconds.

    The session is a signed cookie that no server keeps, so its age is read from its content.
    """
    since = request.session.get(SINCE)
    return isinstance(since, int) and 0 <= time.time() - since < LONGEST_SESSION


def locked_out(request: HttpRequest, *_: Any) -> HttpResponse:
    """Return 429 after too many failed attempts, with the wait in words and as a header."""
    seconds = seconds_left(request)
    minutes = max(1, -(-seconds // 60))
    wait = f"{minutes} minute{'' if minutes == 1 else 's'}"
    if wants_json(request):
        detail = f"Too many attempts to log in have failed. Try again in {wait}."
        return problem(request, HTTPStatus.TOO_MANY_REQUESTS, detail, retry_after=seconds)
    context = {"title": "Too many attempts", "wait": wait, "limit": settings.AXES_FAILURE_LIMIT}
    response = render(
        request, "admin/locked_out.html", context, status=HTTPStatus.TOO_MANY_REQUESTS
    )
    response.headers["Retry-After"] = str(seconds)
    response.headers["Cache-Control"] = "no-store"
    return response


def seconds_left(request: HttpRequest) -> int:
    """Return the seconds, at least 1, for which this user name and address stay locked."""
    last = (
        AccessAttempt.objects.filter(
            username=request.POST.get("username", ""), ip_address=client_address(request)
        )
        .order_by("-attempt_time")
        .values_list("attempt_time", flat=True)
        .first()
    )
    period = settings.AXES_COOLOFF_TIME
    left = period if last is None else last + period - timezone.now()
    return max(1, int(left.total_seconds()))


def client_address(request: HttpRequest) -> str:
    """Return the address by which axes counts, which the contact form's limits use too."""
    from cluster.kit.visitors import sender_address

    return sender_address(request)
