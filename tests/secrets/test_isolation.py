"""A service's credentials open its own database and nothing else."""

from __future__ import annotations

import contextlib

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from cluster.secrets.policies import IDENTITIES
from cluster.secrets.postgres import Database
from cluster.secrets.vault import SecretsDenied, VaultClient
from config import environment
from config.environment import DATABASES
from tests.secrets.conftest import Servers, lease_of, value


@pytest.mark.parametrize("identity", DATABASES)
def test_a_service_leases_no_database_but_its_own(servers: Servers, identity: str) -> None:
    vault = VaultClient(identity=identity)
    for other in DATABASES:
        if other != identity:
            with pytest.raises(SecretsDenied):
                vault.read(f"database/creds/{other}")
        with pytest.raises(SecretsDenied):
            vault.read(f"database/creds/{other}-auditor")


def test_credentials_leased_by_orders_are_rejected_by_payments_server(orders: Database) -> None:
    credentials = orders.current()
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(
            environment.database_url("payments"),
            user=credentials.username,
            password=credentials.password,
        )


def test_credentials_leased_by_orders_open_no_other_database_of_their_server(
    orders: Database,
) -> None:
    for other in ("postgres", "template1"):
        with pytest.raises(psycopg.OperationalError, match="permission denied"):
            orders.connect(dbname=other)


@pytest.mark.parametrize(
    ("secret", "readers"),
    [
        ("site", {"site", "runner", "operator"}),
        ("provider", {"payments", "provider", "operator"}),
        ("broker", {*DATABASES, "auditor", "observer", "runner", "operator"}),
        ("redis", {*DATABASES, "auditor", "observer", "runner", "operator"}),
    ],
)
def test_each_stored_secret_has_these_readers(
    servers: Servers, secret: str, readers: set[str]
) -> None:
    able = set()
    for identity in IDENTITIES:
        with contextlib.suppress(SecretsDenied):
            VaultClient(identity=identity).read_kv(secret)
            able.add(identity)
    assert able == readers


def test_a_service_cannot_revoke_the_lease_of_another(orders: Database) -> None:
    with pytest.raises(SecretsDenied):
        VaultClient(identity="payments").revoke_lease(lease_of(orders.current()))


def test_the_operator_lists_and_revokes_leases_of_any_service(
    orders: Database, operator: VaultClient
) -> None:
    lease_id = lease_of(orders.current())
    assert lease_id in operator.list_leases("orders")
    operator.revoke_lease(lease_id)
    assert lease_id not in operator.list_leases("orders")


def test_the_operator_leases_any_database(servers: Servers) -> None:
    for name in ("orders", "payments"):
        with contextlib.closing(Database(name, identity="operator")) as database:
            assert value(database, "SELECT current_user") == f"{name}_owner"


def test_an_auditor_reads_and_cannot_write(orders: Database, counter: str) -> None:
    with contextlib.closing(Database("orders", auditor=True)) as database:
        with database.connect() as connection:
            assert connection.execute("SELECT count(*) FROM tally").fetchone() == (8,)
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                connection.execute("DELETE FROM tally")
        with database.connect(autocommit=True) as connection:
            connection.execute("SET default_transaction_read_only = off")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("DELETE FROM tally")


def test_objects_belong_to_the_owner_role_and_outlive_the_lease(
    orders: Database, counter: str
) -> None:
    owner = "SELECT tableowner FROM pg_tables WHERE tablename = %s"
    assert value(orders, owner, counter) == "orders_owner"


def test_a_connection_tells_which_process_it_serves(orders: Database) -> None:
    with orders.connect() as connection:
        names = connection.execute(
            "SELECT application_name, session_user, current_user FROM pg_stat_activity "
            "WHERE pid = pg_backend_pid()"
        ).fetchone()
    assert names == ("secrets-tests", orders.current().username, "orders_owner")
    assert conninfo_to_dict(environment.database_url("orders")).get("user") is None
