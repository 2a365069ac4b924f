"""The group of users who may write articles, and may do nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from django.contrib.auth.models import Group, Permission

EDITORS: Final = "Editors"
# No right to delete: an article is taken back to draft, and an old text is restored.
MAY: Final = (
    "articles.add_article",
    "articles.change_article",
    "articles.view_article",
    "articles.view_revision",
    "articles.add_tag",
    "articles.change_tag",
    "articles.view_tag",
    "articles.add_series",
    "articles.change_series",
    "articles.view_series",
)


def ensure_group(name: str, labels: Iterable[str]) -> Group:
    """Return the group, after adding those of the permissions that it lacks.

    Permissions that an owner has added stay. Raises Permission.DoesNotExist for one that is
    misspelt.
    """
    group, _ = Group.objects.get_or_create(name=name)
    group.permissions.add(*map(permission, labels))
    return group


def permission(label: str) -> Permission:
    app, _, codename = label.partition(".")
    return Permission.objects.get(content_type__app_label=app, codename=codename)


def ensure_editors() -> Group:
    return ensure_group(EDITORS, MAY)
