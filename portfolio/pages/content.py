"""The models that pages show. Writing a row of one invalidates the cached pages."""

from __future__ import annotations

from typing import Any, Final

from django.db.models import Model
from django.db.models.signals import m2m_changed, post_delete, post_save

from cluster.kit.page_cache import content_changed

# Every table of these apps, many-to-many tables included.
CONTENT_APPS: Final = frozenset({"articles"})
CONTENT_MODELS: Final = frozenset(
    {"portfolio.Profile", "portfolio.Link", "portfolio.Page", "portfolio.CaseStudy",
     "chaos.Incident"}
)  # fmt: skip


def watch_content() -> None:
    """Connect the models above to the page cache. Django's `ready` calls it once."""
    for signal in (post_save, post_delete, m2m_changed):
        signal.connect(_written, dispatch_uid="portfolio.pages.content")


def _written(sender: type[Model], **_signal: Any) -> None:
    meta = sender._meta  # noqa: SLF001  # Django's documented way to a model's labels
    if meta.app_label in CONTENT_APPS or meta.label in CONTENT_MODELS:
        content_changed()
