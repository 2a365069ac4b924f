"""One PostgreSQL server: a base backup, archived WAL, and a recovery to a moment in between."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from compose.backups import postgres
from compose.backups.books import pieces
from compose.backups.store import now
from compose.backups.wal import _await_archived, _close_segment, _spooled
from compose.errors import PlainError
from compose.ports import choose_ports
from compose.run_directory import RunDirectory
from compose.servers.postgres import Postgres, data_home, make_owned_folder, spool
from config.waiting import wait_until


@pytest.fixture
def server() -> Iterator[Postgres]:
    """A running server that archives its WAL, in a folder that PostgreSQL's user may enter."""
    folder = Path(tempfile.mkdtemp(prefix="recovery "))
    folder.chmod(0o711)
    run = RunDirectory(folder / "run")
    run.make()
    (port,) = choose_ports(["postgres"], {}, taken=1).values()
    found = Postgres(database="orders", port=port, run=run)
    found.prepare()
    make_owned_folder(spool(run, "orders"))
    process = found.process()
    with run.log(found.name).open("wb") as log:
        started = subprocess.Popen(process.command, cwd=process.folder, stdout=log, stderr=log)
    try:
        if not wait_until(found.is_ready, within=60, every=0.1):
            raise TimeoutError(run.log(found.name).read_text())
        with found.superuser() as connection:
            connection.execute("CREATE ROLE orders_owner")
            connection.execute("CREATE ROLE vault_admin")
            connection.execute("CREATE DATABASE orders OWNER orders_owner")
            connection.execute("COMMENT ON DATABASE orders IS 'of the former platform'")
        yield found
    finally:
        started.send_signal(signal.SIGINT)
        started.wait(30)
        shutil.rmtree(data_home(run), ignore_errors=True)
        shutil.rmtree(folder)


def rows(server: Postgres) -> list[int]:
    with server.superuser("orders") as connection:
        return [number for (number,) in connection.execute("SELECT n FROM counted ORDER BY n")]


@pytest.mark.slow
def test_a_server_is_recovered_to_a_moment_between_two_commits(server: Postgres) -> None:
    run = server.run
    with server.superuser("orders") as connection:
        connection.execute("CREATE TABLE counted (n int)")
        connection.execute("INSERT INTO counted VALUES (1)")
        connection.execute("CREATE ROLE lease_orders_1 LOGIN IN ROLE orders_owner")
        tar = b"".join(postgres.base_backup(server))
        connection.execute("INSERT INTO counted VALUES (2)")
        moment = now()
        connection.execute("INSERT INTO counted VALUES (3)")
    _await_archived(server, _close_segment(server))

    home = data_home(run) / "restore"
    wal = home / "wal"
    make_owned_folder(wal)
    for path in _spooled(run, "orders"):
        postgres.write_owned(pieces(path), wal / path.name)
    (port,) = choose_ports(["recovered"], {}, taken=server.port).values()
    recovered = Postgres(database="orders", port=port, run=run)
    postgres.unpack([tar], home / "orders")
    with postgres.Recovery(recovered, home / "orders", wal, to=moment).running():
        assert rows(recovered) == [1, 2]
        postgres.forget_former_platform(recovered, "vault_admin")
        with recovered.superuser() as connection:
            leased = connection.execute("SELECT 1 FROM pg_roles WHERE rolname LIKE 'lease%'")
            assert leased.fetchall() == []
            note = connection.execute(
                "SELECT shobj_description(oid, 'pg_database') FROM pg_database"
                " WHERE datname = 'orders'"
            )
            assert note.fetchone() == (None,)

    postgres.unpack([tar], home / "to-the-end")
    with postgres.Recovery(recovered, home / "to-the-end", wal, to=None).running():
        assert rows(recovered) == [1, 2, 3]

    postgres.unpack([tar], home / "too-late")
    late = postgres.Recovery(recovered, home / "too-late", wal, to=now() + timedelta(hours=1))
    with pytest.raises(PlainError, match="could not be recovered"), late.running():
        pass


def test_nothing_is_archived_without_a_spool(server: Postgres) -> None:
    shutil.rmtree(spool(server.run, "orders"))
    _await_archived(server, _close_segment(server))
    assert not spool(server.run, "orders").exists()
