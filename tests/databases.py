"""A superuser's sessions on the databases of the running platform."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import uuid4

import psycopg

from config import environment


def superuser_address(database: str) -> str:
    """Return the URL of a database's server with the superuser's credentials."""
    password = (environment.run_directory() / "secrets" / "postgres-superuser").read_text().strip()
    server = urlsplit(environment.database_url(database))
    return f"postgresql://postgres:{quote(password, safe='')}@{server.hostname}:{server.port}"


def superuser_session(
    database: str, *, autocommit: bool = True
) -> psycopg.Connection[tuple[Any, ...]]:
    """Open a session of the superuser on a service's database."""
    return psycopg.connect(f"{superuser_address(database)}/{database}", autocommit=autocommit)


@contextmanager
def refusing_orders(condition: str) -> Iterator[None]:
    """Let the orders table accept only rows that fulfil `condition`, for the block."""
    name = f"poison_{uuid4().hex}"
    with superuser_session("orders") as session:
        session.execute(
            f"ALTER TABLE orders ADD CONSTRAINT {name} CHECK ({condition}) NOT VALID".encode()
        )
        try:
            yield
        finally:
            session.execute(f"ALTER TABLE orders DROP CONSTRAINT {name}".encode())
