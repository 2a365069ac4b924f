"""Django's view of `cluster.catalog`: its models and their migrations."""

from __future__ import annotations

from django.apps import AppConfig


class CatalogConfig(AppConfig):
    """The Django app `catalog`, whose models the router sends to their database."""

    name = "cluster.catalog"
    label = "catalog"
