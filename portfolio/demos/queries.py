"""Rows as they stand in the services' databases, read with the auditor's read-only login."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cluster.secrets.postgres import database
from portfolio.demos.result import Table


def read(name: str, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """Return the rows of a query in one service's database (or `site`).

    Raises psycopg.Error while the database is away.
    """
    with database(name, auditor=True).connect(autocommit=True) as connection:
        return connection.execute(query.encode(), parameters).fetchall()


def table(name: str, caption: str, columns: Sequence[str], query: str, *parameters: Any) -> Table:
    """Return the rows of a query as a table of a result. `columns` name what it selects."""
    rows = read(name, query, *parameters)
    return Table(
        caption=caption,
        database=name,
        columns=tuple(columns),
        rows=tuple(tuple("" if cell is None else str(cell) for cell in row) for row in rows),
    )
