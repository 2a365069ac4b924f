"""The pages on which a user of the admin sets up a second factor, and removes it."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import django_otp
import segno
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.contrib.auth.views import RedirectURLMixin
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_http_methods, require_POST
from django_otp.plugins.otp_totp.models import TOTPDevice
from django_otp_webauthn.models import WebAuthnCredential

from portfolio.admin_site import confirmation
from portfolio.admin_site.recovery_codes import make_recovery_codes, recovery_codes_left
from portfolio.admin_site.second_factor import (
    WRONG_CODE,
    app_to_confirm,
    confirm_app,
    forget_device,
    has_second_factor,
    passkeys_work_here,
    relying_party,
)

KINDS: Final = {"app": TOTPDevice, "passkey": WebAuthnCredential}


@require_http_methods(["GET", "HEAD", "POST"])
def show(request: HttpRequest) -> HttpResponse:
    """Show what the user has set up. A POST comes back here once the user has confirmed it."""
    if request.method == "POST":
        return HttpResponseRedirect(f"{reverse('admin:second_factor')}#passkeys")
    user = _user(request)
    return _page(
        request,
        "admin/second_factor/overview.html",
        "Second factor",
        set_up=has_second_factor(user),
        app=TOTPDevice.objects.filter(user=user, confirmed=True).first(),
        passkeys=WebAuthnCredential.objects.filter(user=user).order_by("created_at"),
        codes_left=recovery_codes_left(user),
        may_add=confirmation.is_recent(request),
        by_name=passkeys_work_here(request),
        host=relying_party(request),
        port=request.get_port(),
        next=_after(request),
    )


@require_http_methods(["GET", "HEAD", "POST"])
def set_up_app(request: HttpRequest) -> HttpResponse:
    """Show the key of a new authenticator app, and confirm it by its first code."""
    user = _user(request)
    wrong = ""
    if request.method == "POST":
        device = confirm_app(user, "".join(request.POST.get("code", "").split()))
        if device is not None:
            django_otp.login(request, device)
            return _after_first(request, user, "The authenticator app is set up.")
        wrong = WRONG_CODE
    device = app_to_confirm(user)
    code = segno.make(device.config_url, micro=False)
    drawing = code.svg_inline(omitsize=True, dark="#000", light="#fff")
    return _page(
        request,
        "admin/second_factor/app.html",
        "Authenticator app",
        drawing=mark_safe(drawing),  # noqa: S308  # drawn by segno, of black and white squares
        key=key_of(device.config_url),
        wrong=wrong,
    )


@require_POST
def remove(request: HttpRequest, kind: str, number: int) -> HttpResponse:
    """Remove an authenticator app or a passkey of this user."""
    user = _user(request)
    device = KINDS[kind].objects.filter(user=user, pk=number).first() if kind in KINDS else None
    if device is None:
        raise Http404
    forget_device(user, device)
    messages.success(request, f"{device.name}: removed.")
    return HttpResponseRedirect(reverse("admin:second_factor"))


@require_POST
def show_recovery_codes(request: HttpRequest) -> HttpResponse:
    """Make new recovery codes in place of the earlier ones, and show them this once."""
    user = _user(request)
    if not has_second_factor(user):
        return HttpResponseRedirect(reverse("admin:second_factor"))
    codes = make_recovery_codes(user)
    return _page(
        request,
        "admin/second_factor/recovery_codes.html",
        "Recovery codes",
        codes=codes,
        next=_after(request),
    )


def urls() -> list[Any]:
    """Return the addresses of these pages, each for those who have logged in."""
    page = admin.site.admin_view
    return [
        path("second-factor/", page(show), name="second_factor"),
        path("second-factor/app/", page(set_up_app), name="second_factor_app"),
        path(
            "second-factor/<str:kind>/<int:number>/remove/",
            page(remove),
            name="second_factor_remove",
        ),
        path("second-factor/recovery-codes/", page(show_recovery_codes), name="recovery_codes"),
    ]


def _after_first(request: HttpRequest, user: User, said: str) -> HttpResponse:
    """Return the recovery codes with the first device, else the overview."""
    messages.success(request, said)
    if recovery_codes_left(user):
        return HttpResponseRedirect(reverse("admin:second_factor"))
    return show_recovery_codes(request)


def _after(request: HttpRequest) -> str:
    """Return the page that the user was led away from, else the first page."""
    asked = RedirectURLMixin()
    asked.request = request  # type: ignore[attr-defined]  # as a view has it
    return asked.get_redirect_url() or reverse("admin:index")


def key_of(url: str) -> str:
    """Return the key for an app that cannot scan, in groups of four characters."""
    [padded] = parse_qs(urlsplit(url).query)["secret"]
    key = padded.rstrip("=")
    return " ".join(key[at : at + 4] for at in range(0, len(key), 4))


def _page(request: HttpRequest, template: str, title: str, **context: Any) -> HttpResponse:
    shared = admin.site.each_context(request)
    return render(request, template, {**shared, "title": title, **context})


def _user(request: HttpRequest) -> User:
    user = request.user
    assert isinstance(user, User), "these pages are for those who have logged in"
    return user
