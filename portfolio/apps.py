"""The site as a Django app."""

from __future__ import annotations

from typing import Any, Final

from django.apps import AppConfig
from django.db.models import Model
from django.db.models.signals import m2m_changed, post_delete, post_save

from cluster.kit.page_cache import content_changed

# Every table of these apps, many-to-many tables included.
CONTENT_APPS: Final = frozenset({"articles"})
CONTENT_MODELS: Final = frozenset(
    {"portfolio.Profile", "portfolio.Link", "portfolio.Page", "portfolio.CaseStudy",
     "chaos.Incident"}
)  # fmt: skip


class PortfolioConfig(AppConfig):
    name = "portfolio"
    label = "portfolio"
    verbose_name = "The site"

    def ready(self) -> None:
        """Let each written row of what pages show invalidate the cached pages."""
        for signal in (post_save, post_delete, m2m_changed):
            signal.connect(_written, dispatch_uid="portfolio.apps")


def _written(sender: type[Model], **_signal: Any) -> None:
    meta = sender._meta  # noqa: SLF001  # Django's documented way to a model's labels
    if meta.app_label in CONTENT_APPS or meta.label in CONTENT_MODELS:
        content_changed()
