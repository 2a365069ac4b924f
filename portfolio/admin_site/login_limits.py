"""Limits on attempts to log in, and the answer to whoever has made too many.

Django-axes counts the failures of one account from one address in the database. Here every attempt
is counted as well for its address, and for its account over all addresses. An attack on an account
from many addresses would keep its owner out by that, so a browser that has logged in to it before
is counted by itself (docs/adr/0038-second-factor.md).

Source: https://owasp.org/www-community/Slow_Down_Online_Guessing_Attacks_with_Device_Cookies
"""

from __future__ import annotations

import secrets
from http import HTTPStatus
from typing import Any, Final

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.crypto import salted_hmac

from cluster.kit.problems import problem, wants_json
from cluster.kit.visitors import address_key, sender_address
from cluster.storefront.client_address import client_network
from portfolio.edge.rate_limit import FixedWindowLimiter

SALT: Final = "portfolio.admin_site.login"
PERIOD: Final = 15 * 60  # seconds
HOUR: Final = 60 * 60  # seconds

_of_addresses: Final = FixedWindowLimiter("logins", 30, PERIOD)
_of_accounts: Final = FixedWindowLimiter("logins of an account", 50, PERIOD)
# A code has six digits, and three of the million are right at a time.
_codes_of_accounts: Final = FixedWindowLimiter("codes of an account", 5, HOUR)
_of_browsers: Final = FixedWindowLimiter("logins of a known browser", 10, PERIOD)

BROWSER: Final = "known_browser"  # the cookie
BROWSER_LASTS: Final = 180 * 24 * 3600  # seconds since its last login
PATH: Final = "/admin/"

FROM_HERE: Final = (
    f"{settings.AXES_FAILURE_LIMIT} attempts to log in with this name have failed from your "
    "address."
)
TOO_MANY: Final = "There were too many attempts to log in, from your address or with this name."


class TooManyAttempts(Exception):
    """The password or code was not tried, since there were too many attempts before."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"{TOO_MANY} Try again in {wait_words(seconds)}.")
        self.seconds = seconds


def seconds_until_attempt(request: HttpRequest, name: str, *, code: bool = False) -> int:
    """Count an attempt to log in as `name`, and return 0, or the seconds until it may be made.

    `code` is an attempt with the code of an authenticator app. No limit holds for this machine.
    """
    if not client_network(sender_address(request)):
        return 0
    browser = known_browser(request, name)
    if browser:
        return _of_browsers.take(browser)
    of_accounts = _codes_of_accounts if code else _of_accounts
    account = salted_hmac(SALT, name).hexdigest()[:32]
    return seconds_until_address(request) or of_accounts.take(account)


def seconds_until_address(request: HttpRequest) -> int:
    """Count an attempt of this address, and return 0, or the seconds until it may be made."""
    return _of_addresses.take(address_key(request, SALT))


def known_browser(request: HttpRequest, name: str) -> str:
    """Return the random name of a browser that has logged in as `name`, else an empty string."""
    try:
        found = signing.loads(request.COOKIES.get(BROWSER, ""), salt=SALT, max_age=BROWSER_LASTS)
    except signing.BadSignature:
        return ""
    return str(found["browser"]) if found["name"] == name else ""


def remember_browser(response: HttpResponse, user: AbstractBaseUser) -> HttpResponse:
    """Return the response to a login, which gives the browser its random name."""
    known = {"name": user.get_username(), "browser": secrets.token_urlsafe(12)}
    response.set_cookie(
        BROWSER,
        signing.dumps(known, salt=SALT),
        max_age=BROWSER_LASTS,
        path=PATH,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Strict",
    )
    return response


def axes_address(request: HttpRequest) -> str:
    """Return the address by which axes counts: of IPv6 the network of one client."""
    address = sender_address(request)
    return client_network(address) or address


def locked_out(request: HttpRequest, *_: Any) -> HttpResponse:
    """Return axes' answer after too many failures of one account from one address."""
    credentials = getattr(request, "axes_credentials", None) or {}
    name = credentials.get("username") or request.POST.get("username", "")
    return too_many(request, _seconds_locked(name, axes_address(request)), FROM_HERE)


def too_many(request: HttpRequest, seconds: int, reason: str = TOO_MANY) -> HttpResponse:
    """Return 429 with the wait in words and as a header."""
    wait = wait_words(seconds)
    if wants_json(request):
        detail = f"{reason} Try again in {wait}."
        return problem(request, HTTPStatus.TOO_MANY_REQUESTS, detail, retry_after=seconds)
    context = {"title": "Too many attempts", "reason": reason, "wait": wait}
    response = render(
        request, "admin/locked_out.html", context, status=HTTPStatus.TOO_MANY_REQUESTS
    )
    response.headers["Retry-After"] = str(seconds)
    response.headers["Cache-Control"] = "no-store"
    return response


def wait_words(seconds: int) -> str:
    """Return the wait in whole minutes, at least one."""
    minutes = max(1, -(-seconds // 60))
    return f"{minutes} minute{'' if minutes == 1 else 's'}"


def _seconds_locked(name: str, address: str) -> int:
    """Return the seconds, at least 1, for which this user name and address stay locked."""
    last = (
        AccessAttempt.objects.filter(username=name, ip_address=address)
        .order_by("-attempt_time")
        .values_list("attempt_time", flat=True)
        .first()
    )
    period = settings.AXES_COOLOFF_TIME
    left = period if last is None else last + period - timezone.now()
    return max(1, int(left.total_seconds()))
