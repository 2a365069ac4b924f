"""Tables of the admin whose rows other code makes."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest


class FixedRowsAdmin(admin.ModelAdmin[Any]):
    """A table whose rows no user can add or delete."""

    def has_add_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False


class ReadOnlyAdmin(FixedRowsAdmin):
    """A table whose rows a permitted user can read, and no user can add, change or delete."""

    actions = None

    def has_change_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False
