"""One PostgreSQL server's base backup, and its recovery to a moment, by PostgreSQL's own tools."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql

from compose.errors import PlainError
from compose.servers.postgres import (
    SUPERUSER,
    SUPERUSER_SECRET,
    Postgres,
    as_owner,
    binaries,
    make_owned_folder,
)
from config.waiting import wait_until

PIECE: Final = 1 << 20  # bytes
RECOVERED_WITHIN: Final = 600.0  # seconds; the WAL of a busy hour takes about one minute
LOOK_EVERY: Final = 0.2  # seconds
STOPPED_WITHIN: Final = 60.0  # seconds

LEASED: Final = "SELECT rolname FROM pg_roles WHERE rolname LIKE 'lease\\_%'"
END_LEASE: Final = (
    "REASSIGN OWNED BY {role} TO {owner}",
    "DROP OWNED BY {role}",
    "DROP ROLE {role}",
)


def base_backup(server: Postgres) -> Iterator[bytes]:
    """Yield the tar of a server's data directory, taken while it runs. Its WAL is archived."""
    command = [
        str(binaries() / "pg_basebackup"), "--host=127.0.0.1", f"--port={server.port}",
        f"--username={SUPERUSER}", "--no-password", "--pgdata=-", "--format=tar",
        "--wal-method=none", "--checkpoint=fast",
    ]  # fmt: skip
    environment = {**os.environ, "PGPASSWORD": server.run.secret(SUPERUSER_SECRET)}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        yield from iter(lambda: process.stdout.read(PIECE), b"")  # type: ignore[union-attr]
        said = process.stderr.read().decode(errors="replace").strip()
    if process.returncode != 0:
        raise PlainError(f"pg_basebackup of {server.name} failed: {said}")


def current_segment(server: Postgres) -> str:
    """Return the name of the WAL segment that a server writes now."""
    with server.superuser() as connection:
        row = connection.execute("SELECT pg_walfile_name(pg_current_wal_lsn())").fetchone()
    assert row is not None
    return str(row[0])


def require_archiving(server: Postgres) -> None:
    """Raise PlainError for a server that was started by a revision without archiving."""
    with server.superuser() as connection:
        row = connection.execute("SHOW archive_mode").fetchone()
    if row != ("on",):
        raise PlainError(
            f"{server.name} was started by an earlier revision, which archived no WAL: restart "
            "the platform with `python3 manage.py down` and `up`, then back up."
        )


def unpack(tar: Iterable[bytes], folder: Path) -> None:
    """Unpack a base backup into a new folder of PostgreSQL's user."""
    make_owned_folder(folder)
    _pipe(tar, "tar", "--extract", "--directory", str(folder), what=f"unpacking {folder.name}")


def write_owned(pieces: Iterable[bytes], path: Path) -> None:
    """Write a file of PostgreSQL's user."""
    _pipe(pieces, "dd", f"of={path}", "bs=1M", "status=none", what=f"writing {path.name}")


def _pipe(pieces: Iterable[bytes], *command: str, what: str) -> None:
    with subprocess.Popen(
        [*as_owner(), *command], cwd="/", stdin=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        try:
            for piece in pieces:
                process.stdin.write(piece)
            process.stdin.close()
        except BrokenPipeError:  # it has failed, and says why
            pass
        said = process.stderr.read().decode(errors="replace").strip()
    if process.returncode != 0:
        raise PlainError(f"{what} failed: {said}")


@dataclass(frozen=True)
class Recovery:
    """A server that is recovered from a base backup and the WAL in a folder.

    It stops at the moment `to`, or at the end of the WAL when that is None. `data` is its data
    directory, `server` its port and password.
    """

    server: Postgres
    data: Path
    wal: Path
    to: datetime | None

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run the server while the block runs, then stop it. It may not have recovered yet."""
        log = self.server.run.log(f"restore-{self.data.name}")
        _pipe([], "touch", str(self.data / "recovery.signal"), what="preparing the recovery")
        with log.open("ab") as output:
            process = subprocess.Popen(
                [*as_owner(), *self._command()], cwd="/", stdout=output, stderr=output
            )
        try:
            self._await_promotion(process, log)
            yield
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(STOPPED_WITHIN)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _command(self) -> list[str]:
        # Relative to the data directory, in which PostgreSQL runs it: no path needs quoting.
        wal = os.path.relpath(self.wal, self.data)
        settings = {
            "port": str(self.server.port),
            "restore_command": f"cp {wal}/%f %p",
            "recovery_target_timeline": "current",
            "recovery_target_action": "promote",
            "archive_mode": "off",
        }
        if self.to is not None:
            settings["recovery_target_time"] = self.to.isoformat(sep=" ")
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [str(binaries() / "postgres"), "-D", str(self.data), *options]

    def _await_promotion(self, process: subprocess.Popen[bytes], log: Path) -> None:
        def is_promoted() -> bool:
            if process.poll() is not None:
                lines = log.read_text(errors="replace").strip().splitlines() or ["nothing"]
                raise PlainError(
                    f"{self.server.name} could not be recovered. Its last words: {lines[-1]} "
                    f"(more in {log})"
                )
            try:
                with self.server.superuser() as connection:
                    return connection.execute("SELECT pg_is_in_recovery()").fetchone() == (False,)
            except psycopg.OperationalError:
                return False

        wait_until(
            is_promoted,
            within=RECOVERED_WITHIN,
            every=LOOK_EVERY,
            failure=PlainError(
                f"{self.server.name} has not recovered within {RECOVERED_WITHIN:.0f} s; see {log}."
            ),
        )


def forget_former_platform(server: Postgres, admin: str) -> None:
    """Drop every leased login, and the notes of the platform that this database belonged to.

    `admin` is the role with which Vault leases: it gets a new password when the platform starts.
    """
    owner = sql.Identifier(f"{server.database}_owner")
    with server.superuser(server.database) as connection:
        leased = [name for (name,) in connection.execute(LEASED)]
        for name in leased:
            for statement in END_LEASE:
                connection.execute(
                    sql.SQL(statement).format(role=sql.Identifier(name), owner=owner)
                )
        for kind, name in (("ROLE", admin), ("DATABASE", server.database)):
            connection.execute(
                sql.SQL("COMMENT ON {} {} IS NULL").format(sql.SQL(kind), sql.Identifier(name))
            )
