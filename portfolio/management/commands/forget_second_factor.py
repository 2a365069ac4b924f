"""`manage.py forget_second_factor NAME`: let an account in by its password alone.

For a user who has lost the authenticator app, the passkeys and the recovery codes. The user sets
up another second factor after the login.
"""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from portfolio.admin_site.second_factor import forget_second_factor


class Command(BaseCommand):
    """Remove every device and recovery code of one account."""

    help = "Let an account of the admin in by its password alone."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")

    def handle(self, *_args: Any, name: str, **_options: Any) -> None:
        user = User.objects.filter(username=name).first()
        if user is None:
            raise CommandError(f"There is no account {name}.")
        forget_second_factor(user)
        self.stdout.write(f"{name} logs in by the password alone, and should set up another.")
