"""The admin's login: a password, then the code of the second factor where there is one.

A passkey is both at once (`passkeys.py`). Sessions end after twelve hours.
"""

from __future__ import annotations

import time
from typing import Any, Final
from urllib.parse import urlencode

import django_otp
from django import forms
from django.contrib import admin
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth import login
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in
from django.contrib.auth.views import LoginView, RedirectURLMixin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import FormView

from portfolio.admin_site import confirmation
from portfolio.admin_site.login_limits import (
    TooManyAttempts,
    remember_browser,
    seconds_until_attempt,
    too_many,
)
from portfolio.admin_site.second_factor import (
    WRONG_CODE,
    has_second_factor,
    passkeys_work_here,
    try_code,
)

LONGEST_SESSION: Final = 12 * 3600  # seconds from the login; a working day
SINCE: Final = "signed_in_at"  # in the session: seconds of the epoch
HALF: Final = "half_logged_in"  # in the session: whose password was right
HALF_LASTS: Final = 10 * 60  # seconds for the code, after the password


def mark_new_sessions() -> None:
    """Have every login store its time in the session, and limit the cookie to LONGEST_SESSION."""
    user_logged_in.connect(_mark, dispatch_uid="portfolio.admin_site.login")


def _mark(request: HttpRequest | None, **_: Any) -> None:
    if request is not None and hasattr(request, "session"):
        request.session.pop(HALF, None)
        request.session[SINCE] = int(time.time())
        confirmation.remember(request)
        request.session.set_expiry(LONGEST_SESSION)


def is_fresh(request: HttpRequest) -> bool:
    """Return whether the login of this session was in the last LONGEST_SESSION seconds.

    Each change of the session moves the end of its row, so its age is read from its content.
    """
    since = request.session.get(SINCE)
    return isinstance(since, int) and 0 <= time.time() - since < LONGEST_SESSION


class PasswordStep(LoginView):
    """Name and password: the whole login of an account without a second factor."""

    template_name = "admin/login.html"
    authentication_form = AdminAuthenticationForm
    next_page = "admin:index"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if admin.site.has_permission(request):
            return HttpResponseRedirect(reverse("admin:index"))
        return super().get(request, *args, **kwargs)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        seconds = seconds_until_attempt(request, request.POST.get("username", ""))
        if seconds:
            return too_many(request, seconds)
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        user = form.get_user()
        assert isinstance(user, User)
        after = self.get_success_url()
        if has_second_factor(user):
            half = {"user": user.pk, "backend": user.backend, "at": int(time.time())}
            self.request.session[HALF] = half
            self.request.session.set_expiry(HALF_LASTS)
            return HttpResponseRedirect(_with_next("admin:login_code", after))
        login(self.request, user)
        if user.is_superuser:
            after = _with_next("admin:second_factor", after)
        return remember_browser(HttpResponseRedirect(after), user)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return _context(self, super().get_context_data(**kwargs))


class CodeForm(forms.Form):
    """The code of an authenticator app, or a recovery code."""

    code = forms.CharField(max_length=40)


@method_decorator([sensitive_post_parameters(), never_cache], name="dispatch")
class CodeStep(RedirectURLMixin, FormView[CodeForm]):
    """The second half of a login, within HALF_LASTS seconds of the first."""

    template_name = "admin/login_code.html"
    form_class = CodeForm
    next_page = "admin:index"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        half = request.session.get(HALF) or {"at": 0}
        self.user = None
        if 0 <= time.time() - half["at"] < HALF_LASTS:
            self.user = User.objects.filter(pk=half["user"], is_active=True).first()
        if self.user is None:
            return HttpResponseRedirect(_with_next("admin:login", self.get_success_url()))
        self.user.backend = half["backend"]
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form: CodeForm) -> HttpResponse:
        assert self.user is not None
        try:
            device = try_code(self.request, self.user, form.cleaned_data["code"])
        except TooManyAttempts as refusal:
            return too_many(self.request, refusal.seconds)
        if device is None:
            form.add_error("code", WRONG_CODE)
            return self.form_invalid(form)
        login(self.request, self.user)
        django_otp.login(self.request, device)
        return remember_browser(HttpResponseRedirect(self.get_success_url()), self.user)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return _context(self, super().get_context_data(**kwargs))


def _context(step: RedirectURLMixin, context: dict[str, Any]) -> dict[str, Any]:
    """Return the context of a step, with where it leads and whether a passkey could be used."""
    request: HttpRequest = step.request  # type: ignore[attr-defined]  # a view's
    more = {"next": step.get_success_url(), "passkeys": passkeys_work_here(request)}
    return {**context, **more}


def _with_next(name: str, after: str) -> str:
    """Return the address of a page of the admin that leads on to `after`."""
    return f"{reverse(name)}?{urlencode({'next': after})}"
