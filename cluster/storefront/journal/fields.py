"""Fields of the journal's model that are None where the stored value cannot be read.

The columns are those of Django's own fields, so the migrations name only these.
"""

from __future__ import annotations

from typing import Any

from django.db import models

from cluster.storefront.journal.readable import READABLE_TIME


class ReadableTimeField(models.DateTimeField):  # type: ignore[type-arg]
    """A time that is None where Python cannot represent it."""

    def select_format(self, _compiler: Any, sql: str, params: Any) -> tuple[str, Any]:
        return READABLE_TIME.format(sql), (*params, *params, *params)

    def deconstruct(self) -> Any:
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.DateTimeField", args, kwargs


class ReadableJSONField(models.JSONField):
    """A document that is None where Python's parser refuses it."""

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        try:
            return super().from_db_value(value, expression, connection)
        except (ValueError, RecursionError):
            return None

    def deconstruct(self) -> Any:
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.JSONField", args, kwargs
