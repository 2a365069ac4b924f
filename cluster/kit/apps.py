"""What the pages of every app are made of, for Django: templates, tags and static files."""

from __future__ import annotations

from django.apps import AppConfig


class KitConfig(AppConfig):
    name = "cluster.kit"
    label = "kit"
