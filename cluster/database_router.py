"""The database of each model: each service's app in the service's own."""

from __future__ import annotations

from typing import Any, Final

from django.db import models

from config.environment import SERVICES

# Every database has an outbox and an inbox of its own.
EVERYWHERE: Final = frozenset({"messaging"})


def alias_of(app_label: str) -> str:
    """Return the connection alias of an app, which is the site's unless the app is a service."""
    return app_label if app_label in SERVICES else "default"


def alias_of_model(model: type[models.Model] | models.Model) -> str:
    return alias_of(model._meta.app_label)  # noqa: SLF001  # Django's documented API


class ServiceRouter:
    """Sends each app to its database, and lets no relation cross two databases.

    Queries on the messaging tables must name `using(alias)`: without it they read the site's.
    """

    def db_for_read(self, model: type[models.Model], **_hints: Any) -> str:
        return alias_of_model(model)

    def db_for_write(self, model: type[models.Model], **_hints: Any) -> str:
        return alias_of_model(model)

    def allow_relation(self, one: models.Model, other: models.Model, **_hints: Any) -> bool:
        return alias_of_model(one) == alias_of_model(other)

    def allow_migrate(self, db: str, app_label: str, **_hints: Any) -> bool:
        return app_label in EVERYWHERE or alias_of(app_label) == db
