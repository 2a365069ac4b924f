"""Django's view of `cluster.messaging`: its models and their migrations."""

from __future__ import annotations

from django.apps import AppConfig


class MessagingConfig(AppConfig):
    """The Django app `messaging`, whose models the router sends to their databases."""

    name = "cluster.messaging"
    label = "messaging"
