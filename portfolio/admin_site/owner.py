"""The first account, made at the first start so that the owner needs no shell to log in."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Final

from django.contrib.auth import get_user_model
from django.db import transaction

from compose.run_directory import write_private
from config.environment import run_directory

NAME: Final = "owner"
FILE: Final = "owner-password"
STRENGTH: Final = 18  # random bytes: 24 characters


def password_file() -> Path:
    """Return the path of the first password, readable by the user who started the platform."""
    return run_directory() / "secrets" / FILE


def ensure_owner() -> bool:
    """Make the superuser `owner` without an active superuser, and return whether it was made.

    The password goes to a file of mode 0600 and nowhere else. The file is written first: an
    account with an unknown password could not be used, and would not be made again.
    """
    users = get_user_model().objects
    if users.filter(is_superuser=True, is_active=True).exists():
        return False
    password = secrets.token_urlsafe(STRENGTH)
    password_file().parent.mkdir(mode=0o700, exist_ok=True)
    write_private(password_file(), f"{password}\n")
    with transaction.atomic():
        owner, _ = users.get_or_create(username=NAME)
        owner.set_password(password)
        owner.is_staff = owner.is_superuser = owner.is_active = True
        owner.save()
    return True
