"""The group of users who may write articles, and may do nothing else."""

from __future__ import annotations

from typing import Final

from django.contrib.auth.models import Group, Permission

EDITORS: Final = "Editors"
# No right to delete: an article is taken back to draft, and an old text is restored.
MAY: Final = (
    "add_article",
    "change_article",
    "view_article",
    "view_revision",
    "add_tag",
    "change_tag",
    "view_tag",
    "add_series",
    "change_series",
    "view_series",
)


def ensure_editors() -> Group:
    """Return the group, after adding the permissions that it lacks.

    Permissions that an owner has added stay.
    """
    group, _ = Group.objects.get_or_create(name=EDITORS)
    group.permissions.add(
        *Permission.objects.filter(content_type__app_label="articles", codename__in=MAY)
    )
    return group
