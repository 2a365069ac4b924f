"""SQL by `psql` beside the server, where only the engine's exec reaches the superuser's socket."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from psycopg.conninfo import make_conninfo

from compose.servers.postgres import SUPERUSER

CONNECT_PATIENCE: Final = 3  # seconds
STATEMENT_PATIENCE: Final = 5  # seconds

# psql prints values as they are, so the separators are control characters that no value has.
LAST: Final = "\x1c"  # before the output of the last statement
NULL: Final = "\x1d"
BETWEEN_ROWS: Final = "\x1e"
BETWEEN_COLUMNS: Final = "\x1f"


def command(statements: Sequence[str], *, within: str) -> list[str]:
    """Return the psql command for statements in the database `within`, each run by itself.

    psql stops at the first that fails.
    """
    address = make_conninfo(
        user=SUPERUSER,
        dbname=within,
        connect_timeout=CONNECT_PATIENCE,
        application_name="chaos",
        options=f"-c statement_timeout={STATEMENT_PATIENCE}s",
    )
    *before, last = statements
    return [
        "psql", "--no-psqlrc", "--no-password", "--quiet", "--tuples-only", "--no-align",
        f"--dbname={address}",
        "--set=ON_ERROR_STOP=1",
        f"--pset=null={NULL}",
        f"--record-separator={BETWEEN_ROWS}",
        f"--field-separator={BETWEEN_COLUMNS}",
        *(f"--command={statement}" for statement in before),
        f"--command=\\echo {LAST}",
        f"--command={last}",
    ]  # fmt: skip


def rows(printed: str) -> list[tuple[Any, ...]]:
    """Return the rows of the last statement.

    Values are text as PostgreSQL writes it, and NULL is None.
    """
    text = printed.rpartition(f"{LAST}\n")[2]
    if not text:
        return []
    return [
        tuple(None if value == NULL else value for value in row.split(BETWEEN_COLUMNS))
        for row in text.removesuffix("\n").split(BETWEEN_ROWS)
    ]
