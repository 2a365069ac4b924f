"""Confirmation that a user is still there, before an action that cannot be taken back.

Such an action needs a second factor, and the password or a code in the last few minutes. The
page that asks for it carries the form that was sent, and sends it again: the action is then
carried out, and nothing of it is stored meanwhile (docs/adr/0038-second-factor.md).
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

from django.contrib import admin
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.debug import sensitive_post_parameters

from portfolio.admin_site.login_limits import TooManyAttempts, seconds_until_attempt, too_many
from portfolio.admin_site.second_factor import (
    WRONG_CODE,
    has_second_factor,
    passkeys_work_here,
    try_code,
)

CONFIRMED: Final = "confirmed_at"  # in the session: seconds of the epoch
LASTS: Final = 5 * 60  # seconds
PASSWORD: Final = "confirm-password"  # noqa: S105  # the name of a field
CODE: Final = "confirm-code"
OWN_FIELDS: Final = frozenset({PASSWORD, CODE, "csrfmiddlewaretoken"})

# Names of addresses. A POST to one of the first does what a second factor must stand behind.
SWITCHES: Final = frozenset({"chaos_faultswitch_change", "provider_key_rotate"})
ACCOUNTS: Final = ("auth_user_", "auth_group_")
OWN_DEVICES: Final = frozenset(
    {"second_factor", "second_factor_app", "second_factor_remove", "recovery_codes"}
)

View = Callable[..., HttpResponseBase]


def remember(request: HttpRequest) -> None:
    """Note in the session that its user has just shown a password, a code or a passkey."""
    request.session[CONFIRMED] = int(time.time())


def is_recent(request: HttpRequest) -> bool:
    """Return whether that was in the last LASTS seconds."""
    at = request.session.get(CONFIRMED)
    return isinstance(at, int) and 0 <= time.time() - at < LASTS


def is_destructive(request: HttpRequest) -> bool:
    """Return whether the request deletes, sends again, switches, or changes who may do what."""
    name = _name(request)
    if request.method != "POST":
        return False
    if name.endswith("_changelist"):
        # A list of Django's has two fields of this name, and `index` says which of them holds.
        return "delete_selected" in request.POST.getlist("action") and "post" in request.POST
    if name == "deadletters_replay":
        return request.POST.get("confirmed") == "yes"
    return name in SWITCHES or name.endswith("_delete") or name.startswith(ACCOUNTS)


def confirmed(view: View) -> View:
    """Return the view, which carries out such an action once its user has confirmed it."""

    @sensitive_post_parameters(PASSWORD, CODE)
    @functools.wraps(view)
    def confirm(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        destructive = is_destructive(request)
        if destructive and not has_second_factor(_user(request)):
            return _page(request, "admin/no_second_factor.html", HTTPStatus.FORBIDDEN)
        of_devices = request.method == "POST" and _name(request) in OWN_DEVICES
        if not (destructive or of_devices) or is_recent(request):
            return view(request, *args, **kwargs)
        posted = request.POST
        request.POST = QueryDict()  # axes writes down what is in a request that fails
        try:
            wrong = _try(request, posted)
        except TooManyAttempts as refusal:
            return too_many(request, refusal.seconds)
        finally:
            request.POST = posted
        if wrong is not None:
            fields = [
                (name, value)
                for name, values in request.POST.lists()
                if name not in OWN_FIELDS
                for value in values
            ]
            passkeys = passkeys_work_here(request)
            return _page(
                request, "admin/confirm.html", fields=fields, wrong=wrong, passkeys=passkeys
            )
        remember(request)
        return view(request, *args, **kwargs)

    return confirm


def _try(request: HttpRequest, posted: QueryDict) -> str | None:
    """Return None when the password or code is right, else what to say beside the fields."""
    user = _user(request)
    password, code = posted.get(PASSWORD, ""), posted.get(CODE, "")
    if code:
        return WRONG_CODE if try_code(request, user, code) is None else None
    if not password:
        return ""
    seconds = seconds_until_attempt(request, user.get_username())
    if seconds:
        raise TooManyAttempts(seconds)
    found = authenticate(request, username=user.get_username(), password=password)
    return None if found == user else "This password is not right."


def _page(
    request: HttpRequest, template: str, status: HTTPStatus = HTTPStatus.OK, **context: Any
) -> HttpResponse:
    shared = admin.site.each_context(request)
    return render(request, template, {**shared, "title": "Confirm", **context}, status=status)


def _name(request: HttpRequest) -> str:
    """Return the name of the address that was asked for."""
    match = request.resolver_match
    return (match.url_name or "") if match else ""


def _user(request: HttpRequest) -> User:
    user = request.user
    assert isinstance(user, User), "the admin's views are for those who have logged in"
    return user
