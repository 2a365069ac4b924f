"""A service's credentials open its own database and nothing else."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from chaos.drivers import vault_admin
from cluster.secrets.policies import IDENTITIES, LEASE_ROLES
from cluster.secrets.postgres import Database
from cluster.secrets.provisioning import provision
from cluster.secrets.provisioning_postgres import superuser_connection
from cluster.secrets.vault import SecretsDenied, VaultClient
from config import environment
from config.environment import DATABASES, SERVICES
from tests.secrets.conftest import Servers, lease_of, value


@pytest.fixture
def pages(servers: Servers) -> Iterator[Database]:
    """The orders database as the web server sees it."""
    with contextlib.closing(Database("orders", identity="web", pages=True)) as database:
        yield database


@pytest.mark.parametrize("identity", DATABASES)
def test_a_service_leases_no_database_but_its_own(servers: Servers, identity: str) -> None:
    vault = VaultClient(identity=identity)
    for other in DATABASES:
        if other != identity:
            with pytest.raises(SecretsDenied):
                vault.read(f"database/creds/{other}")
        for right in ("owner", "auditor", "pages"):
            with pytest.raises(SecretsDenied):
                vault.read(f"database/creds/{other}-{right}")


def test_the_web_server_leases_of_a_service_the_login_for_its_views_alone(
    servers: Servers,
) -> None:
    vault = VaultClient(identity="web")
    paths = [f"database/creds/{role.name}" for role in LEASE_ROLES]
    may = vault.write("sys/capabilities-self", {"paths": paths})
    assert {path for path in paths if may[path] != ["deny"]} == {
        "database/creds/site",
        *(f"database/creds/{name}-pages" for name in SERVICES),
    }
    with pytest.raises(SecretsDenied):
        vault.read("database/creds/orders")
    assert vault.read("database/creds/orders-pages")["data"]["username"]


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
        ("site", {"site", "web", "runner", "operator"}),
        ("provider", {"payments", "provider", "operator"}),
        ("broker/operator", {"operator"}),
        ("broker/worker-orders", {"orders", "operator"}),
        ("broker/relay-orders", {"orders", "operator"}),
        ("broker/web", {"web", "operator"}),
        ("broker/observer", {"observer", "operator"}),
        ("observer", {"web", "observer", "operator"}),
        ("redis", {*DATABASES, "web", "auditor", "observer", "runner", "operator"}),
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


def test_the_runner_alone_breaks_the_vault_and_only_as_faults_do(
    servers: Servers, orders: Database
) -> None:
    paths = ["sys/seal", *(f"sys/leases/revoke-prefix/database/creds/{name}" for name in DATABASES)]
    beyond = ["sys/leases/revoke-prefix/database", "sys/policies/acl/runner", "sys/step-down"]
    for identity in IDENTITIES:
        may = VaultClient(identity=identity).write(
            "sys/capabilities-self", {"paths": [*paths, *beyond]}
        )
        allowed = {path for path in [*paths, *beyond] if may[path] != ["deny"]}
        assert allowed == (set(paths) if identity == "runner" else set()), identity
    approle = environment.approle_file("runner")
    username = orders.current().username
    vault_admin.ask("PUT", "sys/leases/revoke-prefix/database/creds/orders", approle=approle)
    with superuser_connection("orders") as connection:
        query = "SELECT 1 FROM pg_roles WHERE rolname = %s"
        assert connection.execute(query, [username]).fetchone() is None
    vault_admin.ask("PUT", "sys/seal", approle=approle)
    assert vault_admin.ask("GET", "sys/seal-status", approle=approle)["sealed"] is True
    servers.unseal()


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
    owned_by = "SELECT tableowner FROM pg_tables WHERE tablename = %s"
    assert value(orders, owned_by, counter) == "orders_owner"


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE mine (id int)",
        "CREATE TEMPORARY TABLE mine (id int)",
        "CREATE SCHEMA mine",
        "CREATE INDEX ON tally (count)",
        "ALTER TABLE tally ADD COLUMN mine int",
        "DROP TABLE tally",
        "TRUNCATE tally",
        "CREATE ROLE mine",
        "SET ROLE orders_owner",
        "SET ROLE orders_auditor",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'vault_admin'",
        "COPY tally TO '/tmp/tally'",
    ],
)
def test_a_service_changes_rows_and_nothing_else(
    orders: Database, counter: str, statement: str
) -> None:
    with orders.connect(autocommit=True) as connection:
        connection.execute("INSERT INTO tally VALUES (9, 0)")
        connection.execute("UPDATE tally SET count = 1 WHERE id = 9")
        connection.execute("DELETE FROM tally WHERE id = 9")
        connection.execute("SET ROLE NONE")  # as a leased login that leaves its group
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement.encode())


def test_a_service_draws_from_a_sequence_that_a_migration_has_made(
    owner: Database, orders: Database
) -> None:
    with owner.connect(autocommit=True) as connection:
        connection.execute("CREATE SEQUENCE place")
    try:
        assert value(orders, "SELECT nextval('place')") == 1
    finally:
        with owner.connect(autocommit=True) as connection:
            connection.execute("DROP SEQUENCE place")


@pytest.fixture
def view(owner: Database, counter: str) -> Iterator[str]:
    """The name of a view for pages, of one of the table's columns."""
    with owner.connect(autocommit=True) as connection:
        connection.execute("CREATE VIEW pages.tally AS SELECT id FROM tally")
    yield "pages.tally"
    with owner.connect(autocommit=True) as connection:
        connection.execute("DROP VIEW pages.tally")


def test_pages_read_a_view_that_a_migration_has_made(pages: Database, view: str) -> None:
    """Under the table's name, so that one query serves them and an auditor."""
    assert value(pages, "SELECT count(*) FROM tally") == 8
    with pages.connect() as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("SELECT count FROM public.tally")


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT id FROM public.tally",
        "INSERT INTO pages.tally VALUES (9)",
        "UPDATE pages.tally SET id = 9",
        "DELETE FROM pages.tally",
        "CREATE VIEW pages.mine AS SELECT 1",
        "CREATE OR REPLACE VIEW pages.tally AS SELECT id, count FROM public.tally",
        "CREATE TABLE public.mine (id int)",
        "CREATE TEMPORARY TABLE mine (id int)",
        "CREATE SCHEMA mine",
        "SELECT lo_create(0)",
        "SET ROLE orders_owner",
        "SET ROLE orders_service",
        "SET ROLE orders_auditor",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'vault_admin'",
    ],
)
def test_pages_do_nothing_but_read_their_views(pages: Database, view: str, statement: str) -> None:
    with pages.connect(autocommit=True) as connection:
        connection.execute("SET default_transaction_read_only = off")
        connection.execute("SET ROLE NONE")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement.encode())


def test_a_session_of_pages_is_read_only_from_its_beginning(pages: Database) -> None:
    assert value(pages, "SHOW transaction_read_only") == "on"


def test_a_database_of_an_earlier_revision_gets_the_role_of_pages(
    owner: Database, view: str
) -> None:
    """There the views may be older than the role."""
    with superuser_connection("orders", within="orders") as connection:
        connection.execute("DROP OWNED BY orders_pages")
        connection.execute("REVOKE orders_pages FROM vault_admin")
        for (login,) in connection.execute(
            "SELECT member::regrole::text FROM pg_auth_members "
            "WHERE roleid = 'orders_pages'::regrole"
        ).fetchall():
            connection.execute(f"REVOKE orders_pages FROM {login}".encode())
        connection.execute("DROP ROLE orders_pages")
    provision(lambda step: None, databases=["orders"])
    with contextlib.closing(Database("orders", identity="web", pages=True)) as pages:
        assert value(pages, "SELECT count(*) FROM tally") == 8
        assert value(pages, "SELECT current_user") == "orders_pages"


def test_a_database_of_an_earlier_revision_gets_the_service_role(
    owner: Database, counter: str
) -> None:
    """There the service was a member of the owner, and no role had rights to single tables."""
    with superuser_connection("orders", within="orders") as connection:
        connection.execute("DROP OWNED BY orders_service")
        connection.execute("REVOKE orders_service FROM vault_admin")
        for (login,) in connection.execute(
            "SELECT member::regrole::text FROM pg_auth_members "
            "WHERE roleid = 'orders_service'::regrole"
        ).fetchall():
            connection.execute(f"REVOKE orders_service FROM {login}".encode())
        connection.execute("DROP ROLE orders_service")
    provision(lambda step: None, databases=["orders"])
    with contextlib.closing(Database("orders")) as orders:
        assert value(orders, "SELECT count(*) FROM tally") == 8
        assert value(orders, "SELECT current_user") == "orders_service"


def test_a_connection_tells_which_process_it_serves(orders: Database) -> None:
    with orders.connect() as connection:
        names = connection.execute(
            "SELECT application_name, session_user, current_user FROM pg_stat_activity "
            "WHERE pid = pg_backend_pid()"
        ).fetchone()
    assert names == ("secrets-tests", orders.current().username, "orders_service")
    assert conninfo_to_dict(environment.database_url("orders")).get("user") is None
