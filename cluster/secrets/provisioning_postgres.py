"""One PostgreSQL server made ready for leases: its database and the roles that outlive them.

Roles of a database `orders`, none of which logs in: `orders_owner` owns every object and migrates,
`orders_service` reads and writes rows, `orders_auditor` reads everything, `orders_pages` reads the
views of the schema `pages`. With `vault_admin` Vault creates and drops the leased logins. See
docs/adr/0039-least-privilege.md and 0045-what-pages-may-read.md.
"""

from __future__ import annotations

import secrets
from typing import Any, Final

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from cluster.secrets.policies import rights_in
from config import environment

VAULT_ADMIN: Final = "vault_admin"
# Set as vault_admin's comment when Vault has its password: the mark of a finished set-up.
_KNOWN: Final = "Vault has the password of this role"


def superuser_connection(database: str, *, within: str = "postgres") -> psycopg.Connection[Any]:
    """Open a superuser's connection to the server of `database`, to its maintenance database."""
    parameters = conninfo_to_dict(environment.database_url(database))
    password = environment.run_directory() / "secrets" / "postgres-superuser"
    return psycopg.connect(
        host=parameters["host"],
        port=parameters.get("port"),
        dbname=within,
        user="postgres",
        password=password.read_text().strip(),
        connect_timeout=5,
        autocommit=True,
    )


def prepare_server(connection: psycopg.Connection[Any], database: str) -> None:
    """Create what is missing of the database, its roles and their rights, in some 20 ms."""
    groups = {right: f"{database}_{right}" for right in rights_in(database)}
    owner = groups["owner"]
    known = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles")}
    for role in groups.values():
        if role not in known:
            _run(connection, "CREATE ROLE {role}", role=role)
    if VAULT_ADMIN not in known:
        _run(connection, "CREATE ROLE {role} LOGIN CREATEROLE", role=VAULT_ADMIN)
    if not connection.execute(
        "SELECT 1 FROM pg_database WHERE datname = %s", [database]
    ).fetchone():
        _run(connection, "CREATE DATABASE {database} OWNER {owner}", database=database, owner=owner)
    for statement in (*_RIGHTS, *(_RIGHTS_OF_PAGES if "pages" in groups else ())):
        _run(connection, statement, database=database, admin=VAULT_ADMIN, **groups)
    with superuser_connection(database, within=database) as inside:
        for statement in (*_RIGHTS_INSIDE, *(_VIEWS_INSIDE if "pages" in groups else ())):
            _run(inside, statement, **groups)


def let_services_be_owners(connection: psycopg.Connection[Any], database: str) -> None:
    """Let the next logins of a service do what a revision before decision 39 does with them.

    It makes itself the owner in each connection. For the minute of an upgrade.
    """
    _run(connection, "GRANT {owner} TO {service}", **_owner_and_service(database))


def let_services_be_services(connection: psycopg.Connection[Any], database: str) -> None:
    """Take back what an upgrade has granted."""
    _run(connection, "REVOKE {owner} FROM {service}", **_owner_and_service(database))


def _owner_and_service(database: str) -> dict[str, str]:
    return {"owner": f"{database}_owner", "service": f"{database}_service"}


def vault_knows_admin(connection: psycopg.Connection[Any]) -> bool:
    """Return whether an earlier run has given vault_admin's password to Vault."""
    row = connection.execute(
        "SELECT shobj_description(oid, 'pg_authid') = %s FROM pg_roles WHERE rolname = %s",
        [_KNOWN, VAULT_ADMIN],
    ).fetchone()
    return row is not None and row[0] is True


def set_new_admin_password(connection: psycopg.Connection[Any]) -> str:
    """Give vault_admin a random password, which only Vault is to keep, and return it."""
    password = secrets.token_urlsafe(32)
    connection.execute(sql.SQL("COMMENT ON ROLE {} IS NULL").format(sql.Identifier(VAULT_ADMIN)))
    connection.execute(
        sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(VAULT_ADMIN), password)
    )
    return password


def mark_admin_known(connection: psycopg.Connection[Any]) -> None:
    """Record on the server that Vault has the password."""
    connection.execute(
        sql.SQL("COMMENT ON ROLE {} IS {}").format(sql.Identifier(VAULT_ADMIN), _KNOWN)
    )


# GRANT … WITH ADMIN OPTION: from PostgreSQL 16 on CREATEROLE alone no longer lets vault_admin put a
# login into these groups.
_RIGHTS: Final = (
    "REVOKE CONNECT, TEMPORARY ON DATABASE {database} FROM PUBLIC",
    "REVOKE CONNECT, TEMPORARY ON DATABASE postgres FROM PUBLIC",
    "REVOKE CONNECT ON DATABASE template1 FROM PUBLIC",
    "GRANT CONNECT ON DATABASE {database} TO {service}, {auditor}, {admin}",
    "GRANT pg_read_all_data TO {auditor}",
    "GRANT pg_signal_backend TO {admin}",
    "GRANT {owner}, {service}, {auditor} TO {admin} WITH ADMIN OPTION",
)

_RIGHTS_OF_PAGES: Final = (
    "GRANT CONNECT ON DATABASE {database} TO {pages}",
    "GRANT {pages} TO {admin} WITH ADMIN OPTION",
)

# Granted for what is there, as in a database of an earlier revision, and for what a migration adds.
_RIGHTS_INSIDE: Final = (
    "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
    # Any login may otherwise write large objects, which belong to no table.
    """REVOKE EXECUTE ON FUNCTION lo_create(oid), lo_creat(integer), lo_from_bytea(oid, bytea)
       FROM PUBLIC""",
    "GRANT USAGE ON SCHEMA public TO {service}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {service}",
    "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {service}",
    """ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public
       GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {service}""",
    """ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public
       GRANT USAGE, SELECT ON SEQUENCES TO {service}""",
)

# The views are made by migrations, each beside the tables that it reads. A view that a migration
# adds, or makes again, can be read at once.
_VIEWS_INSIDE: Final = (
    "CREATE SCHEMA IF NOT EXISTS pages AUTHORIZATION {owner}",
    "GRANT USAGE ON SCHEMA pages TO {pages}",
    "GRANT SELECT ON ALL TABLES IN SCHEMA pages TO {pages}",
    """ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA pages
       GRANT SELECT ON TABLES TO {pages}""",
)


def _run(connection: psycopg.Connection[Any], statement: str, **names: str) -> None:
    identifiers = {key: sql.Identifier(name) for key, name in names.items()}
    connection.execute(sql.SQL(statement).format(**identifiers))
