"""Django's view of `cluster.catalog`: its models and their migrations."""

from __future__ import annotations

from django.apps import AppConfig


class CatalogConfig(AppConfig):
    """Label `catalog`; the router sends its models to their database."""

    name = "cluster.catalog"
    label = "catalog"
