"""The Django app of the parts of every page: templates, tags and static files."""

from __future__ import annotations

from django.apps import AppConfig


class KitConfig(AppConfig):
    name = "cluster.kit"
    label = "kit"
