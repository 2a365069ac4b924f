"""Django's connections log in with leased credentials, and log in anew when those change."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.postgres import signals
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, transaction
from django.db.utils import ConnectionHandler

from cluster.secrets.postgres import close_databases
from cluster.secrets.vault import VaultClient
from tests.secrets.conftest import Servers


@pytest.fixture
def handler(
    servers: Servers, django_db_blocker: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ConnectionHandler]:
    settings = {
        "ENGINE": "cluster.secrets.django",
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
    }
    with django_db_blocker.unblock():
        handler = ConnectionHandler(
            {
                "default": {**settings, "OPTIONS": {"lease": "orders"}},
                "audit": {**settings, "OPTIONS": {"lease": "orders", "auditor": True}},
            }
        )
        monkeypatch.setattr(transaction, "connections", handler)
        monkeypatch.setattr(signals, "connections", handler)  # queries each new connection
        yield handler
        handler.close_all()
        close_databases()


def query(connection: Any, statement: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()[0]


def test_it_connects_as_the_owner_with_a_leased_login(handler: ConnectionHandler) -> None:
    connection: Any = handler["default"]
    username = connection.holder.current().username
    assert query(connection, "SELECT session_user") == username
    assert query(connection, "SELECT current_user") == "orders_service"


def test_an_auditors_connection_is_read_only(handler: ConnectionHandler) -> None:
    assert query(handler["audit"], "SHOW transaction_read_only") == "on"
    assert query(handler["audit"], "SELECT current_user") == "orders_auditor"


def test_it_moves_between_statements_outside_a_transaction(handler: ConnectionHandler) -> None:
    connection: Any = handler["default"]
    first = query(connection, "SELECT session_user")
    fresh = connection.holder.rotate().username
    assert fresh != first
    assert query(connection, "SELECT session_user") == fresh


def test_it_stays_inside_a_transaction_and_moves_after_it(handler: ConnectionHandler) -> None:
    connection: Any = handler["default"]
    with transaction.atomic():
        first = query(connection, "SELECT session_user")
        connection.holder.rotate()
        assert query(connection, "SELECT session_user") == first
    assert query(connection, "SELECT session_user") != first


def test_a_request_does_not_notice_that_its_idle_connection_was_revoked(
    handler: ConnectionHandler, operator: VaultClient
) -> None:
    connection: Any = handler["default"]
    first = query(connection, "SELECT session_user")
    operator.revoke_lease(connection.holder.current().lease_id)
    connection.close_if_unusable_or_obsolete()  # Django calls this before each request
    assert query(connection, "SELECT session_user") != first


def test_a_command_recovers_after_one_failed_statement(
    handler: ConnectionHandler, operator: VaultClient
) -> None:
    connection: Any = handler["default"]
    first = query(connection, "SELECT session_user")
    operator.revoke_lease(connection.holder.current().lease_id)
    connection.health_check_done = True  # a command has no request that would make Django check
    with pytest.raises(OperationalError):
        query(connection, "SELECT 1")
    assert query(connection, "SELECT session_user") != first


def test_it_does_not_leave_a_server_side_cursor_that_is_being_read(
    handler: ConnectionHandler,
) -> None:
    connection: Any = handler["default"]
    first = query(connection, "SELECT session_user")
    with connection.chunked_cursor() as rows:
        rows.execute("SELECT generate_series(1, 3)")
        assert rows.fetchmany(1) == [(1,)]
        connection.holder.rotate()
        assert query(connection, "SELECT session_user") == first
        assert rows.fetchall() == [(2,), (3,)]
    assert query(connection, "SELECT session_user") != first


def test_threads_share_the_lease_and_not_the_connection(handler: ConnectionHandler) -> None:
    seen: list[tuple[str, int]] = []

    def look() -> None:
        connection: Any = handler["default"]
        user = query(connection, "SELECT session_user")
        seen.append((user, query(connection, "SELECT pg_backend_pid()")))
        connection.close()

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({pid for _, pid in seen}) == 3
    assert len({user for user, _ in seen}) == 1


def test_a_database_without_a_lease_is_a_mistake_in_the_settings() -> None:
    handler = ConnectionHandler({"default": {"ENGINE": "cluster.secrets.django"}})
    with pytest.raises(ImproperlyConfigured, match="lease"):
        handler["default"]
