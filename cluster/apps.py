"""Django's view of `cluster`: the management commands of the whole cluster, and no models."""

from __future__ import annotations

from django.apps import AppConfig


class ClusterConfig(AppConfig):
    """Label `cluster`."""

    name = "cluster"
    label = "cluster"
