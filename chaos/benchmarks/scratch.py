"""Databases and queues for a bench alone, on the platform's servers, deleted afterwards.

Each of the platform's PostgreSQL servers gets a database `bench`, with the server's own
settings: fsync on. Remains of a killed bench are removed first.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

import amqp
import psycopg

from cluster.messaging.topology import bind_addressed, connect
from cluster.secrets.addresses import operators_broker_url
from compose.errors import PlainError
from compose.servers.postgres import binaries
from config.environment import DATABASES, MissingSetting, database_url, run_directory

NAME: Final = "bench"
# One bench at a time, since two would disturb each other. Held on the site's server.
LOCK: Final = 0x62656E6368  # "bench" in ASCII
PATIENCE: Final = 30.0  # seconds for one answer of a server
QUORUM: Final = {"x-queue-type": "quorum", "x-overflow": "reject-publish"}


def address(database: str, *, name: str = NAME) -> dict[str, Any]:
    """Return psycopg's parameters for database `name` on the server of `database`, as superuser."""
    server = urlsplit(database_url(database))
    return {
        "host": server.hostname,
        "port": server.port,
        "dbname": name,
        "user": "postgres",
        "password": _password(),
        "connect_timeout": 5,
        "options": f"-c statement_timeout={int(PATIENCE * 1000)}",
    }


@contextmanager
def databases() -> Iterator[str]:
    """Make a database `bench` on each server, and yield the servers' version.

    Raises PlainError when the platform does not run, or another bench does.
    """
    with ExitStack() as stack:
        try:
            servers = {
                database: stack.enter_context(
                    psycopg.connect(**address(database, name="postgres"), autocommit=True)
                )
                for database in DATABASES
            }
        except (MissingSetting, psycopg.OperationalError) as error:
            raise PlainError(
                "The platform does not run, and a bench measures the running one: "
                "start it with `python3 manage.py up`."
            ) from error
        _alone(servers["site"])
        stack.callback(_drop, servers.values())
        _drop(servers.values())
        for server in servers.values():
            server.execute(f"CREATE DATABASE {NAME}".encode())
        yield _version(servers["site"])


def copy_tables(name: str = NAME) -> None:
    """Make the tables of each service, without rows, in database `name` on its server."""
    for database in DATABASES:
        source = address(database, name=database)
        where = {"PGPASSWORD": source["password"], "PGCONNECT_TIMEOUT": "5"}
        dumped = subprocess.run(
            [
                str(binaries() / "pg_dump"), "--schema-only", "--no-owner", "--no-privileges",
                "-h", source["host"], "-p", str(source["port"]), "-U", source["user"], database,
            ],
            env={**os.environ, **where}, capture_output=True, text=True, check=True,
        )  # fmt: skip
        # Commands of psql, which protect it from what a dump might hold.
        lines = (line for line in dumped.stdout.splitlines() if not line.startswith("\\"))
        with psycopg.connect(**address(database, name=name)) as connection:
            connection.execute("\n".join(lines).encode())


@contextmanager
def queues(names: Sequence[str], *, exchange: str | None = None) -> Iterator[amqp.Connection]:
    """Make empty quorum queues of these names, and yield a connection for the caller.

    With `exchange`, a fanout exchange of that name copies each message to all of them.
    """
    _delete(names, exchange)
    connection = _broker()
    try:
        channel = connection.channel()
        for name in names:
            channel.queue_declare(name, durable=True, auto_delete=False, arguments=QUORUM)
            bind_addressed(channel, name)
        if exchange is not None:
            channel.exchange_declare(exchange, "fanout", durable=True, auto_delete=False)
            for name in names:
                channel.queue_bind(name, exchange)
        yield connection
    finally:
        connection.collect()
        _delete(names, exchange)


def broker_version() -> str:
    """Return the broker's version, as it reports it."""
    connection = _broker()
    try:
        return str(connection.server_properties["version"])
    finally:
        connection.close()


def _broker() -> Any:
    """Return a connection whose reads time out after PATIENCE seconds."""
    connection: Any = connect(operators_broker_url(), heartbeat=0)
    connection.sock.settimeout(PATIENCE)
    return connection


def _delete(names: Sequence[str], exchange: str | None) -> None:
    # By a connection of its own: Ctrl-C may have cut the other one off inside a frame.
    connection = _broker()
    try:
        channel = connection.channel()
        for name in names:  # deleting a queue that does not exist is no error
            channel.queue_delete(name)
        if exchange is not None:
            channel.exchange_delete(exchange)
    finally:
        connection.close()


def _alone(server: psycopg.Connection[Any]) -> None:
    """Lock other benches out, until this connection closes.

    Raises PlainError when another one is running.
    """
    row = server.execute("SELECT pg_try_advisory_lock(%s)", (LOCK,)).fetchone()
    if row != (True,):
        raise PlainError("Another bench is running; wait until it has ended.")


def _drop(servers: Any) -> None:
    for server in servers:
        server.execute(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)".encode())


def _version(server: psycopg.Connection[Any]) -> str:
    number = server.info.server_version
    return f"{number // 10_000}.{number % 10_000}"


def _password() -> str:
    path = run_directory() / "secrets" / "postgres-superuser"
    try:
        return path.read_text().strip()
    except OSError as error:
        raise PlainError(
            "The platform does not run here: its baselines need databases of their own, and "
            f"{path} with the superuser's password cannot be read; `python3 manage.py up` makes it."
        ) from error
