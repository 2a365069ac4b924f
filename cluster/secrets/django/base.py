"""A PostgreSQL backend whose connections log in with credentials leased from Vault.

    DATABASES = {"default": {
        "ENGINE": "cluster.secrets.django",
        "OPTIONS": {"lease": "site"},  # also "auditor": True, "identity": "auditor"
        "CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": True,
    }}

The address comes from config.environment. A connection that logged in with
replaced credentials is closed outside a transaction and the next statement
opens a new one, in request threads, in daphne's and in management commands alike.
"""

from __future__ import annotations

import weakref
from typing import Any

import psycopg
from django.core.exceptions import ImproperlyConfigured
from django.db.backends.postgresql import base

from cluster.secrets.leases import Credentials
from cluster.secrets.postgres import Database, database

OWN_OPTIONS = ("lease", "auditor", "identity")


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's PostgreSQL wrapper, with leased credentials in place of a fixed account."""

    def __init__(self, settings_dict: dict[str, Any], alias: str = "default") -> None:
        options = settings_dict.get("OPTIONS", {})
        if "lease" not in options:
            raise ImproperlyConfigured(
                f'DATABASES[{alias!r}] needs OPTIONS["lease"]: the name of the database to lease'
            )
        self._lease = {name: options[name] for name in OWN_OPTIONS if name in options}
        # dbshell, introspection and our own messages show the name. Connecting does not use it.
        settings_dict["NAME"] = settings_dict.get("NAME") or self._lease["lease"]
        self._server_cursors: weakref.WeakSet[Any] = weakref.WeakSet()
        super().__init__(settings_dict, alias)

    @property
    def holder(self) -> Database:
        """The process-wide holder of this database's credentials."""
        return database(
            self._lease["lease"],
            identity=self._lease.get("identity"),
            auditor=self._lease.get("auditor", False),
        )

    def get_connection_params(self) -> dict[str, Any]:
        parameters = super().get_connection_params()
        for name in (*OWN_OPTIONS, "dbname", "user", "password", "host", "port"):
            parameters.pop(name, None)
        return parameters | self.holder.connection_parameters()

    def get_new_connection(self, conn_params: dict[str, Any]) -> psycopg.Connection[Any]:
        connect = super().get_new_connection

        def log_in(credentials: Credentials) -> psycopg.Connection[Any]:
            connection: psycopg.Connection[Any] = connect(
                {**conn_params, "user": credentials.username, "password": credentials.password}
            )
            return connection

        return self.holder.connect_with(log_in)

    def ensure_connection(self) -> None:
        """Close a connection with replaced credentials, then connect if there is no connection.

        Django calls this before every statement. A lost connection is closed too: Django itself
        does that only between two requests, and a management command has none.
        """
        if self._may_move() and (
            self.connection.closed or not self.holder.is_current(self.connection)
        ):
            self.close()
        super().ensure_connection()

    def create_cursor(self, name: str | None = None) -> Any:
        cursor = super().create_cursor(name)
        if name:
            self._server_cursors.add(cursor)
        return cursor

    def _may_move(self) -> bool:
        """Return whether nothing would be lost with the connection.

        So no transaction is open on it, and no server-side cursor is being read from.
        """
        return (
            self.connection is not None
            and not self.in_atomic_block
            and self.autocommit
            and all(cursor.closed for cursor in self._server_cursors)
        )
