"""Passkeys (WebAuthn): a login of its own, and a way to confirm an action.

Each asks for the device's PIN, finger or face, so a passkey is two factors at once. It belongs to
the host under which it was made. The views and the script of the pages are those of
django-otp-webauthn.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

import django_otp
from django.contrib import admin
from django.contrib.auth import authenticate, login
from django.contrib.auth.models import User
from django.http import HttpRequest, JsonResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.views.i18n import JavaScriptCatalog
from django_otp_webauthn import exceptions, views
from django_otp_webauthn.helpers import WebAuthnHelper
from django_otp_webauthn.models import WebAuthnCredential
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from portfolio.admin_site import confirmation
from portfolio.admin_site.login_limits import (
    TooManyAttempts,
    remember_browser,
    seconds_until_address,
)
from portfolio.admin_site.site import answers_when_away

ANSWERED_WITHIN: Final = 10 * 60  # seconds: as long as the row of a challenge is kept
SELECTION: Final = AuthenticatorSelectionCriteria(
    resident_key=ResidentKeyRequirement.REQUIRED,
    user_verification=UserVerificationRequirement.REQUIRED,
)


class Ceremonies(WebAuthnHelper):  # type: ignore[misc]  # the library has no types
    """Ceremonies for passkeys that are found without a name, and that verify their user."""

    def get_allowed_origins(self) -> list[str]:
        return [f"{self.request.scheme}://{self.request.get_host()}"]

    def get_generate_registration_options_kwargs(self, *, user: User) -> dict[str, Any]:
        options = super().get_generate_registration_options_kwargs(user=user)
        return {**options, "authenticator_selection": SELECTION}

    def get_generate_authentication_options_kwargs(self, **kwargs: Any) -> dict[str, Any]:
        kwargs["require_user_verification"] = True
        options: dict[str, Any] = super().get_generate_authentication_options_kwargs(**kwargs)
        return options

    def create_credential(self, *args: Any, **kwargs: Any) -> WebAuthnCredential:
        device = super().create_credential(*args, **kwargs)
        device.name = f"Passkey of {date_format(timezone.now(), 'j F Y, H:i')}"
        return device


class TooManyOfAddress(exceptions.OTPWebAuthnApiError):  # type: ignore[misc]
    status_code = HTTPStatus.TOO_MANY_REQUESTS


class Body:
    """The JSON of a request, of which the library catches only one kind of error."""

    def _parse_request_data(self, request: HttpRequest) -> Any:
        try:
            return super()._parse_request_data(request)  # type: ignore[misc]  # of the view
        except (UnicodeDecodeError, RecursionError) as error:
            raise exceptions.MalformedRequest from error


class Registration(Body):
    """A passkey is added by a user of the admin who has confirmed the wish."""

    request: HttpRequest

    def check_can_register(self) -> None:
        if not (admin.site.has_permission(self.request) and confirmation.is_recent(self.request)):
            raise exceptions.NotVerified(detail="Load this page again, and confirm that it is you.")


class BeginRegistration(Registration, views.BeginCredentialRegistrationView):  # type: ignore[misc]
    pass


class CompleteRegistration(
    Registration,
    views.CompleteCredentialRegistrationView,  # type: ignore[misc]
):
    pass


class Authentication(Body):
    """A passkey logs in, or confirms an action of a user who has logged in."""

    request: HttpRequest

    def get_user(self) -> User | None:
        user = self.request.user
        return user if isinstance(user, User) and admin.site.has_permission(self.request) else None

    def check_can_authenticate(self) -> None:
        seconds = 0 if self.get_user() else seconds_until_address(self.request)
        if seconds:
            raise TooManyOfAddress(detail=str(TooManyAttempts(seconds)), code="too_many_requests")


class BeginAuthentication(
    Authentication,
    views.BeginCredentialAuthenticationView,  # type: ignore[misc]
):
    def post(self, *args: Any, **kwargs: Any) -> JsonResponse:
        answer: JsonResponse = super().post(*args, **kwargs)
        if self.get_user() is None:
            self.request.session.set_expiry(ANSWERED_WITHIN)
        return answer


class CompleteAuthentication(
    Authentication,
    views.CompleteCredentialAuthenticationView,  # type: ignore[misc]
):
    def post(self, *args: Any, **kwargs: Any) -> JsonResponse:
        answer: JsonResponse = super().post(*args, **kwargs)
        assert isinstance(self.request.user, User)
        remember_browser(answer, self.request.user)
        return answer

    def complete_auth(self, device: WebAuthnCredential) -> None:
        self.confirms = self.get_user() is not None
        if not self.confirms:
            user = authenticate(self.request, webauthn_credential=device)
            if user is None:
                raise exceptions.UserDisabled
            login(self.request, user)
        django_otp.login(self.request, device)
        confirmation.remember(self.request)

    def get_success_url(self) -> str:
        """Return where to go after a login. After a confirmation the page sends its form."""
        return "" if self.confirms else self.get_redirect_url() or reverse("admin:index")


app_name = "otp_webauthn"  # the library's script finds these addresses by name
urlpatterns = [
    path(address, answers_when_away(view.as_view()), name=f"credential-{name}")
    for address, view, name in (
        ("registration/begin/", BeginRegistration, "registration-begin"),
        ("registration/complete/", CompleteRegistration, "registration-complete"),
        ("authentication/begin/", BeginAuthentication, "authentication-begin"),
        ("authentication/complete/", CompleteAuthentication, "authentication-complete"),
    )
] + [
    path(
        "words.js",
        JavaScriptCatalog.as_view(packages=["django_otp_webauthn"]),
        name="js-i18n-catalog",
    ),
]
