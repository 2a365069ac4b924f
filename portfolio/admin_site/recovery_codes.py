"""Recovery codes, for the day on which an authenticator app or a passkey is gone.

Each can be used once. They are shown when they are made, and stored as digests. A code has 80
random bits, so its digest needs no slow hash: nobody can try them all.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import Final

from django.contrib.auth.models import User
from django.db import models
from django_otp.models import Device

COUNT: Final = 10
LENGTH: Final = 10  # random bytes: 16 characters


class RecoveryCodes(Device):  # type: ignore[misc]  # django-otp has no types
    """The digests of a user's recovery codes that have not been used."""

    digests = models.JSONField(default=list)

    class Meta:
        db_table = "recovery_codes"
        constraints = [models.UniqueConstraint(fields=["user"], name="recovery_codes_of_a_user")]

    def verify_token(self, token: str) -> bool:
        """Return whether the code is one of these, which it is then no longer."""
        digest = _digest(token)
        if digest not in self.digests:
            return False
        self.digests.remove(digest)
        self.save(update_fields=["digests"])
        return True


def make_recovery_codes(user: User) -> list[str]:
    """Replace the user's recovery codes by new ones, and return them in plain, to be shown once."""
    codes = [_code() for _ in range(COUNT)]
    content = {"name": "Recovery codes", "digests": [_digest(code) for code in codes]}
    RecoveryCodes.objects.update_or_create(user=user, defaults=content)
    return codes


def recovery_codes_left(user: User) -> int:
    found = RecoveryCodes.objects.filter(user=user).first()
    return len(found.digests) if found else 0


def _code() -> str:
    """Return a code as people copy it: four groups of four small letters and digits."""
    text = base64.b32encode(secrets.token_bytes(LENGTH)).decode().lower()
    return "-".join(text[at : at + 4] for at in range(0, len(text), 4))


def _digest(code: str) -> str:
    typed = "".join(filter(str.isalnum, code)).lower()
    return hashlib.sha256(typed.encode()).hexdigest()
