"""The data that a finished preparation has left on each server, and that must still be there.

The run directory remembers that a store was made, and each database itself remembers which
platform it belongs to and what it was prepared with (docs/adr/0027-starting-and-stopping.md).
So an error names a lost or exchanged data directory, and `up` never takes it for a new platform.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from psycopg import sql

from compose.errors import PlainError
from compose.processes import Server
from compose.run_directory import RunDirectory
from compose.servers.openbao import OpenBao
from compose.servers.postgres import Postgres
from compose.servers.rabbitmq import RabbitMQ

PROVIDER: Final = "provider"
MEND: Final = (
    "Put it back from a copy, or start with `python3 manage.py up --recreate-missing`, "
    "which makes it anew and empty."
)


def stores(run: RunDirectory, servers: Iterable[Server]) -> dict[str, Path]:
    """Return the path that each part has on disk once the platform has run, by its name."""
    found = {PROVIDER: run.data(PROVIDER) / "provider.sqlite3"}
    for server in servers:
        match server:
            case Postgres():
                found[server.name] = server.data / "PG_VERSION"
            case RabbitMQ():
                found[server.name] = server.data / "mnesia"
            case OpenBao():
                found[server.name] = run.data("openbao") / "vault.db"
    return found


def missing(run: RunDirectory, servers: Iterable[Server]) -> dict[str, Path]:
    """Return the paths of what was once made here and is gone, by the name of the part.

    Empty for a platform that never came up.
    """
    state = run.read_state()
    known = stores(run, servers)
    # Earlier revisions wrote down only that they had prepared everything.
    made = state.get("made", list(known) if state.get("prepared") else [])
    return {name: path for name, path in known.items() if name in made and not path.exists()}


def require_kept(run: RunDirectory, servers: Sequence[Server], *, recreate: bool) -> bool:
    """Return whether everything that was made is still there.

    False when something is missing and may be made anew. Raises PlainError when it may not.
    """
    lost = missing(run, servers)
    if lost and not recreate:
        parts = ", ".join(f"{name} ({_home(path)})" for name, path in lost.items())
        raise PlainError(f"The data of {parts} was there and is missing now. {MEND}")
    return not lost


def remember(run: RunDirectory, servers: Sequence[Server], prepared: str) -> None:
    """Record, here and in each database, its platform and what it was prepared with."""
    for server in servers:
        if isinstance(server, Postgres):
            with server.superuser() as connection:
                connection.execute(
                    sql.SQL("COMMENT ON DATABASE {} IS {}").format(
                        sql.Identifier(server.database), _note(run, prepared)
                    )
                )
    run.update_state(prepared=prepared, made=_existing(run, servers))


def remember_made(run: RunDirectory, servers: Sequence[Server]) -> None:
    """Record what has been made since the preparation: the provider's books, by its first run.

    An `up` that is killed before the provider has run must not miss them at the next start.
    """
    state = run.read_state()
    made = state.get("made", [])
    added = [name for name in _existing(run, servers) if name not in made]
    if state.get("prepared") and added:
        run.update_state(made=[*made, *added])


def code_of_servers() -> str:
    """Return a digest of the code that writes the servers' configuration."""
    files = sorted((Path(__file__).parent / "servers").glob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _existing(run: RunDirectory, servers: Iterable[Server]) -> list[str]:
    return [name for name, path in stores(run, servers).items() if path.exists()]


def is_prepared(run: RunDirectory, servers: Sequence[Server], wanted: str) -> bool:
    """Return whether every database says that it was prepared with exactly `wanted`.

    Raises PlainError for one that is missing, or belongs to another platform.
    """
    known = run.read_state().get("made") or []
    notes = {
        server: _read_note(run, server, known=server.name in known)
        for server in servers
        if isinstance(server, Postgres)
    }
    return all(note.get("prepared") == wanted for note in notes.values())


def _read_note(run: RunDirectory, server: Postgres, *, known: bool) -> Mapping[str, str]:
    with server.superuser() as connection:
        row = connection.execute(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s",
            [server.database],
        ).fetchone()
    if row is None and known:
        raise PlainError(
            f"{server.name} runs, and its database {server.database!r} is missing. {MEND}"
        )
    try:
        note = json.loads(row[0]) if row and row[0] else {}
    except ValueError:  # a comment that another program wrote
        note = {}
    platform = note.get("platform") if isinstance(note, dict) else None
    if platform is not None and platform != run.secret("platform-id"):
        raise PlainError(
            f"{server.name} holds the database of another platform ({server.data}): "
            "put its own data directory back."
        )
    return note if isinstance(note, dict) else {}


def _note(run: RunDirectory, prepared: str) -> str:
    return json.dumps({"platform": run.secret("platform-id"), "prepared": prepared})


def _home(path: Path) -> Path:
    return path if path.suffix == ".sqlite3" else path.parent
