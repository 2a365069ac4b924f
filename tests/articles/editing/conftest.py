"""The users of the site's admin, in a transaction that is rolled back."""

from __future__ import annotations

from typing import Final

import pytest
from django.contrib.auth.models import User
from django.test import Client

from articles.editors import ensure_editors

BACKEND: Final = "django.contrib.auth.backends.ModelBackend"
NOTHING: Final = {"read_version": "0", "title": "", "slug": "", "summary": "", "body": ""}


def _client(user: User) -> Client:
    client = Client()
    client.force_login(user, backend=BACKEND)
    return client


@pytest.fixture
def editor(site: None) -> User:
    """A member of the group Editors."""
    user = User.objects.create_user("test-editor", password=None, is_staff=True)
    user.groups.add(ensure_editors())
    return user


@pytest.fixture
def desk(editor: User) -> Client:
    """The editor's browser."""
    return _client(editor)


@pytest.fixture
def other_desk(site: None) -> Client:
    """The owner's browser."""
    return _client(User.objects.create_superuser("test-owner", password=None))


def form(**fields: str) -> dict[str, str]:
    """Return the fields that the editor's form sends."""
    return {**NOTHING, **fields}
