"""Django's view of `cluster.messaging`: its models and their migrations."""

from __future__ import annotations

from django.apps import AppConfig


class MessagingConfig(AppConfig):
    """Label `messaging`; the router sends its models to their database."""

    name = "cluster.messaging"
    label = "messaging"
