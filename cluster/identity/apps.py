"""Django's view of `cluster.identity`: its models and their migrations."""

from __future__ import annotations

from django.apps import AppConfig


class IdentityConfig(AppConfig):
    """Label `identity`; the router sends its models to their database."""

    name = "cluster.identity"
    label = "identity"
