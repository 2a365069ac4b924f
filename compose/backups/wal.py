"""Archived WAL: from each server's spool, encrypted, into the directory of the backups.

PostgreSQL's user may not read the platform's code, so that `archive_command` only copies a finished
segment into a folder beside the data, where one exists: the spool. The supervisor carries it on.
"""

from __future__ import annotations

import json
import logging
import shutil
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import psycopg

from compose.backups import books
from compose.backups.status import BackupStatus, update
from compose.backups.store import Batch, Part, Store, now
from compose.errors import PlainError, disk_words
from compose.keeping import PROVIDER
from compose.run_directory import RunDirectory, write_private
from compose.servers.postgres import Postgres, make_owned_folder, spool
from config.environment import DATABASES
from config.waiting import locked, wait_until

ARCHIVED_WITHIN: Final = 30.0  # seconds; copying a segment takes a tenth of one
LOOK_EVERY: Final = 0.1  # seconds
STATEMENT_TIMEOUT: Final = 10_000  # milliseconds
LARGEST_SPOOL: Final = 2 * 1024**3  # bytes; beyond it archiving is given up
FILE: Final = "backup.json"  # in the run directory
LOCK: Final = "backup.lock"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Target:
    """Where this platform's WAL goes, and the place in the books up to which they are there."""

    directory: Path
    books: books.Place

    @classmethod
    def of(cls, run: RunDirectory) -> Target | None:
        """Return the target of a platform, or None when it is not backed up."""
        try:
            found = json.loads((run.path / FILE).read_text())
            return cls(Path(found["directory"]), books.Place(**found["books"]))
        except FileNotFoundError:
            return None

    def keep(self, run: RunDirectory) -> None:
        document = {"directory": str(self.directory), "books": asdict(self.books)}
        write_private(run.path / FILE, json.dumps(document))


def alone(run: RunDirectory) -> AbstractContextManager[None]:
    """Keep a backup and the archiving of WAL from writing at the same time."""
    return locked(run.path / LOCK)


def begin(run: RunDirectory, target: Target) -> None:
    """Let each server archive its WAL from now on."""
    target.keep(run)
    for database in DATABASES:
        make_owned_folder(spool(run, database))


def give_up(run: RunDirectory) -> None:
    """End archiving: what was archived stays, and the next base backup begins anew."""
    (run.path / FILE).unlink(missing_ok=True)
    for database in DATABASES:
        shutil.rmtree(spool(run, database), ignore_errors=True)


def archive(run: RunDirectory, store: Store) -> Batch:
    """Archive everything up to now as one batch, and return it. Call it inside `alone`."""
    target = Target.of(run)
    if target is None:
        raise PlainError("This platform is not backed up.")
    servers = servers_of(run)
    at = now()
    # A recovery finds its target in the WAL only when a commit follows it.
    segments = {server.database: _close_segment(server) for server in servers}
    for server in servers:
        _await_archived(server, segments[server.database])
    _forget_archived(run, store)
    spooled = {server.database: _spooled(run, server.database) for server in servers}
    wal = {
        database: [
            store.write(path.name, f"wal/{database}/{path.name}", books.pieces(path))
            for path in paths
        ]
        for database, paths in spooled.items()
    }
    end = books.end_of(provider_books(run))
    batch = Batch(at, wal, _added_books(run, store, target.books, at))
    store.append(batch)
    Target(target.directory, end).keep(run)
    for path in (path for paths in spooled.values() for path in paths):
        path.unlink()
    return batch


def _forget_archived(run: RunDirectory, store: Store) -> None:
    """Delete what the last batch already has, as after a crash before the end of `archive`.

    To write it once more would change the file, whose digest that batch has noted.
    """
    last = store.last_batch()
    for database, parts in last.wal.items() if last else ():
        for part in parts:
            (spool(run, database) / part.name).unlink(missing_ok=True)


def archive_if_possible(run: RunDirectory) -> None:
    """Archive a batch of a platform that is backed up, or write down why that is impossible."""
    target = Target.of(run)
    if target is None:
        return
    try:
        store = Store.open(target.directory)
        batch = archive(run, store)
        found = standing(store)
    except (PlainError, psycopg.Error, OSError) as error:
        reason = disk_words(error) if isinstance(error, OSError) else str(error).strip()
        log.warning("WAL is archived later: %s", reason)
        if spool_size(run) > LARGEST_SPOOL:
            reason = (
                f"Archiving has ended, since {LARGEST_SPOOL // 1024**3} GB wait: {reason} "
                "It goes on with the next backup."
            )
            log.warning("%s", reason)
            give_up(run)
        before = BackupStatus.read(run.path)
        since = before.unarchived_since if before else None
        update(run, target.directory, unarchived=reason, unarchived_since=since or now())
    else:
        update(
            run, target.directory, archived=batch.at, unarchived="", unarchived_since=None, **found
        )


def standing(store: Store) -> dict[str, object]:
    """Return what the manifests say of the newest base backup, and the last verified one."""
    bases = store.bases()
    verified = [base.id for base in bases if base.verified]
    found: dict[str, object] = {"last_verified": verified[-1] if verified else ""}
    if bases:
        newest = bases[-1]
        found |= {
            "ended": newest.ended,
            "size": newest.size,
            "verified": newest.verified,
            "rejected": newest.rejected,
        }
    return found


def spool_size(run: RunDirectory) -> int:
    """Return the bytes of WAL that wait to be carried into the backup."""
    return sum(path.stat().st_size for name in DATABASES for path in _spooled(run, name))


def servers_of(run: RunDirectory) -> list[Postgres]:
    """Return the six servers at the ports that the running platform uses."""
    ports = run.read_state()["ports"]
    return [Postgres(database=name, port=ports[f"postgres-{name}"], run=run) for name in DATABASES]


def provider_books(run: RunDirectory) -> Path:
    return run.data(PROVIDER) / "provider.sqlite3"


def _close_segment(server: Postgres) -> str:
    """Commit a transaction, end the WAL's segment behind it, and return the segment's name."""
    with server.superuser() as connection:
        connection.execute(f"SET statement_timeout = {STATEMENT_TIMEOUT}".encode())
        connection.execute("SELECT pg_current_xact_id()")
        return str(_value(connection, "SELECT pg_walfile_name(pg_switch_wal())"))


def _await_archived(server: Postgres, segment: str) -> None:
    """Wait until the server has archived a segment, or raise PlainError."""

    def is_archived() -> bool:
        with server.superuser() as connection:
            last = _value(connection, "SELECT last_archived_wal FROM pg_stat_archiver")
        return last is not None and str(last) >= segment

    wait_until(
        is_archived,
        within=ARCHIVED_WITHIN,
        every=LOOK_EVERY,
        failure=PlainError(
            f"{server.name} has not archived its WAL within {ARCHIVED_WITHIN:.0f} s; "
            f"see {server.run.log(server.name)}."
        ),
    )


def _spooled(run: RunDirectory, database: str) -> list[Path]:
    folder = spool(run, database)
    # A name that begins with a dot is being copied.
    return sorted(path for path in folder.glob("*") if not path.name.startswith("."))


def _added_books(run: RunDirectory, store: Store, since: books.Place, at: datetime) -> Part | None:
    path = provider_books(run)
    name = f"{at:%Y%m%dT%H%M%S.%f}Z"
    return store.write(name, f"wal/{PROVIDER}/{name}", books.added(path, since))


def _value(connection: psycopg.Connection[Any], query: str) -> object:
    row = connection.execute(query.encode()).fetchone()
    return row[0] if row else None
