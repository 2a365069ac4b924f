"""What breaks, what was seen of it and what was recorded, for Django."""

from __future__ import annotations

from django.apps import AppConfig


class ChaosConfig(AppConfig):
    name = "chaos"
