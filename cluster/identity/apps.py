"""Django's view of `cluster.identity`: its models and their migrations."""

from __future__ import annotations

from django.apps import AppConfig


class IdentityConfig(AppConfig):
    """The Django app `identity`, whose models the router sends to their database."""

    name = "cluster.identity"
    label = "identity"
