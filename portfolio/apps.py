"""The site as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class PortfolioConfig(AppConfig):
    name = "portfolio"
    label = "portfolio"
    verbose_name = "The site"

    def ready(self) -> None:
        from portfolio.pages.content import watch_content

        watch_content()
