"""Who comes in: a session of the admin ends after twelve hours; guessing passwords ends sooner.

Django-axes counts failed attempts in the database, by user name and address. The answer
to a locked door is here; the numbers are in the settings, as AXES_*.
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
    """Have every login note its time in the session, and lose the cookie with the browser."""
    user_logged_in.connect(_mark, dispatch_uid="portfolio.admin_site.login")


def _mark(request: HttpRequest | None, **_: Any) -> None:
    if request is not None and hasattr(request, "session"):
        request.session[SINCE] = int(time.time())
        # The signature alone would let the cookie be used for two weeks: see is_fresh.
        request.session.set_expiry(LONGEST_SESSION)


def is_fresh(request: HttpRequest) -> bool:
    """Whether whoever is signed in has done so in the last LONGEST_SESSION seconds.

    The session is a signed cookie that no server keeps: its age must be told by what is in it.
    """
    since = request.session.get(SINCE)
    return isinstance(since, int) and 0 <= time.time() - since < LONGEST_SESSION


def locked_out(request: HttpRequest, *_: Any) -> HttpResponse:
    """The answer after too many failed attempts: how long to wait, in words and as a header."""
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
    """How long the door stays shut for this user name and address; at least a second."""
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
    """What axes counts by: the address that the contact form's limits go by, too."""
    from cluster.kit.visitors import sender_address

    return sender_address(request)
