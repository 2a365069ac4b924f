"""The second factor of a user of the admin: an authenticator app, or passkeys."""

from __future__ import annotations

import ipaddress
from typing import Any, Final, cast

import django_otp
from axes.handlers.proxy import AxesProxyHandler
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_login_failed
from django.db import transaction
from django.http import HttpRequest
from django.http.request import split_domain_port
from django_otp.models import Device
from django_otp.plugins.otp_totp.models import TOTPDevice
from django_otp_webauthn.models import WebAuthnCredential

from portfolio.admin_site.login_limits import TooManyAttempts, seconds_until_attempt
from portfolio.admin_site.recovery_codes import RecoveryCodes

DIGITS: Final = 6  # of a code of an authenticator app
WRONG_CODE: Final = "This code is not right, or was used before."


def has_second_factor(user: User) -> bool:
    """Return whether the user has set up an authenticator app or a passkey."""
    return any(
        model.objects.filter(user=user, confirmed=True).exists()
        for model in (TOTPDevice, WebAuthnCredential)
    )


def is_verified(request: HttpRequest) -> bool:
    """Return whether this session began with the second factor, or its user has none yet."""
    user = cast("Any", request.user)  # django-otp's middleware adds the method
    return bool(user.is_verified()) or not has_second_factor(user)


def try_code(request: HttpRequest, user: User, code: str) -> Device | None:
    """Return the device that the code is of, which has used it up, or None for a wrong code.

    Raises TooManyAttempts. A wrong code is a failed login for axes, which then locks the account
    for this address. Recovery codes are too long to be guessed, and are not limited otherwise.
    """
    code = "".join(code.split())
    credentials = {"username": user.get_username()}
    if is_app_code(code):
        seconds = seconds_until_attempt(request, credentials["username"], code=True)
        if seconds:
            raise TooManyAttempts(seconds)
    allowed = AxesProxyHandler.is_allowed(request, credentials)
    device = device_of_code(user, code) if allowed else None
    if device is None:
        user_login_failed.send(sender=__name__, credentials=credentials, request=request)
    return device


def is_app_code(code: str) -> bool:
    """Return whether it is the code of an authenticator app, else it is a recovery code."""
    return len(code) == DIGITS and code.isascii() and code.isdigit()


def device_of_code(user: User, code: str) -> Device | None:
    model = TOTPDevice if is_app_code(code) else RecoveryCodes
    for device in model.objects.filter(user=user, confirmed=True):
        if django_otp.verify_token(user, device.persistent_id, code):
            return device
    return None


def passkeys_work_here(request: HttpRequest) -> bool:
    """Return whether the site was opened by a name: a passkey cannot belong to an address."""
    try:
        ipaddress.ip_address(relying_party(request).strip("[]"))
    except ValueError:
        return True
    return False


def relying_party(request: HttpRequest) -> str:
    """Return the host that passkeys belong to. Django lets none but ALLOWED_HOSTS through."""
    return split_domain_port(request.get_host())[0]


def app_to_confirm(user: User) -> TOTPDevice:
    """Return the user's authenticator app that has not shown a right code yet."""
    device, _ = TOTPDevice.objects.get_or_create(
        user=user, confirmed=False, defaults={"name": "Authenticator app"}
    )
    return device


def confirm_app(user: User, code: str) -> TOTPDevice | None:
    """Return the app when the code is right: it takes the place of an earlier one."""
    device = app_to_confirm(user)
    with transaction.atomic():
        if not django_otp.verify_token(user, device.persistent_id, code):
            return None
        TOTPDevice.objects.filter(user=user, confirmed=True).delete()
        device.refresh_from_db()
        device.confirmed = True
        device.save(update_fields=["confirmed"])
    return device


def forget_second_factor(user: User) -> None:
    """Remove every device and the recovery codes of a user who has lost them."""
    with transaction.atomic():
        for model in (TOTPDevice, WebAuthnCredential, RecoveryCodes):
            model.objects.filter(user=user).delete()


def forget_device(user: User, device: Device) -> None:
    """Remove an app or a passkey, and with the last of them the recovery codes."""
    with transaction.atomic():
        device.delete()
        if not has_second_factor(user):
            RecoveryCodes.objects.filter(user=user).delete()
