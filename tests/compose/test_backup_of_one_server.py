"""One PostgreSQL server stands for six: base backup, archived WAL, recovery to a moment."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from cluster.payments.sandbox.books import Books
from compose.backups import __main__ as scheduled_backup
from compose.backups import backup, postgres, restore, vault, wal
from compose.backups.books import pieces
from compose.backups.status import BackupStatus
from compose.backups.store import Store, now
from compose.backups.wal import _await_archived, _close_segment, _spooled
from compose.errors import PlainError
from compose.ports import choose_ports
from compose.progress import silent
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


@pytest.fixture
def alone(server: Postgres, monkeypatch: pytest.MonkeyPatch) -> Postgres:
    """The server as the only one of its platform, which has no OpenBao and no broker."""
    run = server.run
    for module in (wal, restore):
        monkeypatch.setattr(module, "DATABASES", ("orders",))
    monkeypatch.setattr(restore, "JOURNAL", "orders")
    monkeypatch.setattr(wal, "servers_of", lambda _: [server])
    monkeypatch.setattr(backup, "_require_running", lambda _: postgres.require_archiving(server))
    monkeypatch.setattr(backup, "_await_journal", lambda _: None)
    monkeypatch.setattr(vault, "snapshot", lambda *_: iter([b"snap", b"shot"]))
    monkeypatch.setattr(
        vault, "restore", lambda bao, found: (bao.run.path / "bao").write_bytes(found)
    )
    report = json.dumps({"sent_again": [], "lost": [], "ahead": [], "not_known": []})
    monkeypatch.setattr(
        restore._Restore,
        "_send_again",
        lambda self, _: (self.run.path / restore.REPORT).write_text(report),
    )
    shutil.rmtree(spool(run, "orders"))
    run.secret("platform-id")
    run.update_state(ports={"openbao": 1, "openbao-cluster": 2})
    with closing(Books(wal.provider_books(run))):
        pass
    return server


@pytest.mark.slow
def test_a_platform_comes_back_as_it_was_at_a_moment(alone: Postgres, tmp_path: Path) -> None:
    run, key, copy = alone.run, tmp_path / "key", tmp_path / "copy"
    with alone.superuser("orders") as connection:
        connection.execute("CREATE TABLE counted (n int)")
        connection.execute("INSERT INTO counted VALUES (1)")
    base = backup.back_up(run, copy, key, silent())
    assert key.stat().st_mode & 0o777 == 0o600
    assert _spooled(run, "orders") == []
    with alone.superuser("orders") as connection:
        connection.execute("INSERT INTO counted VALUES (2)")
        moment = now()
        connection.execute("INSERT INTO counted VALUES (3)")
    store = Store.open(copy)
    with wal.alone(run):
        first = wal.archive(run, store).wal["orders"][0]
        # As after a crash before the spool was emptied.
        postgres.write_owned([b"once more"], spool(run, "orders") / first.name)
        wal.archive(run, store)
    assert _spooled(run, "orders") == []
    assert len(store.batches()) == 4

    target = RunDirectory(run.path.parent / "restored")
    with pytest.raises(PlainError, match="The last moment"):
        restore.restore(target, store, key, now(), silent())
    with pytest.raises(PlainError, match="is not empty"):
        restore.restore(run, store, key, None, silent())
    damaged = copy / base.parts["secrets"].file
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:-1])
    with pytest.raises(PlainError, match=r"secrets\.gz\.age does not have the digest"):
        restore.restore(target, store, key, moment, silent())
    damaged.write_bytes(whole)

    plan = restore.restore(target, store, key, moment, silent())
    assert plan.base == base
    assert (target.path / "bao").read_bytes() == b"snapshot"
    assert target.secret("postgres-superuser") == run.secret("postgres-superuser")
    assert target.secret("platform-id") != run.secret("platform-id")
    assert wal.provider_books(target).exists()
    (port,) = choose_ports(["again"], {}, taken=alone.port).values()
    restored = Postgres(database="orders", port=port, run=target)
    restored.prepare()
    process = restored.process()
    with subprocess.Popen(process.command, cwd=process.folder, stderr=subprocess.DEVNULL) as again:
        assert wait_until(restored.is_ready, within=30, every=0.1)
        assert rows(restored) == [1, 2]
        again.send_signal(signal.SIGINT)
    shutil.rmtree(data_home(target))


def test_another_platform_is_refused(alone: Postgres, tmp_path: Path) -> None:
    run, key, copy = alone.run, tmp_path / "key", tmp_path / "copy"
    backup.back_up(run, copy, key, silent())
    (run.secrets / "platform-id").write_text("another")
    with pytest.raises(PlainError, match="another platform"):
        backup.back_up(run, copy, None, silent())


def test_a_directory_with_other_files_is_refused(alone: Postgres, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "letter").touch()
    with pytest.raises(PlainError, match="is not empty and holds no backups"):
        backup.back_up(alone.run, tmp_path / "copy", tmp_path / "key", silent())
    with pytest.raises(PlainError, match="The key must not lie in"):
        backup.back_up(alone.run, tmp_path / "new", tmp_path / "new/key", silent())
    with pytest.raises(PlainError, match="a key has to be made"):
        backup.back_up(alone.run, tmp_path / "new", None, silent())
    with pytest.raises(PlainError, match="lies in the run directory"):
        backup.back_up(alone.run, alone.run.path / "x", tmp_path / "key", silent())
    assert not spool(alone.run, "orders").exists()


def reason(run: RunDirectory) -> str:
    status = BackupStatus.read(run.path)
    assert status is not None
    return status.failure or status.unarchived


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A directory on a disk of 24 MB."""
    folder = tmp_path / "small disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "none", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("this user may not mount a small disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.slow
def test_a_full_disk_is_named_and_backups_go_on_when_it_has_room(
    alone: Postgres, small_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, copy = alone.run, small_disk / "copy"
    monkeypatch.setattr(backup, "SPARE", 1024)
    backup.back_up(run, copy, tmp_path / "key", silent())
    store = Store.open(copy)
    before = store.batches()
    filling = small_disk / "filling"
    full = subprocess.run(
        ["dd", "if=/dev/zero", f"of={filling}", "bs=64K"], capture_output=True, check=False
    )
    assert b"No space left" in full.stderr

    monkeypatch.setattr(sys, "argv", ["backups", str(run.path)])
    with pytest.raises(SystemExit, match="Only 0 MB are free on the disk of"):
        scheduled_backup.main()
    assert reason(run).startswith("Only 0 MB are free on the disk of")
    with wal.alone(run):
        wal.archive_if_possible(run)
    status = BackupStatus.read(run.path)
    assert status is not None
    assert status.unarchived.endswith("the disk is full")
    assert store.batches() == before
    assert _spooled(run, "orders") != []
    assert [path for path in copy.rglob(".*") if path.is_file()] == []

    filling.unlink()
    scheduled_backup.main()
    status = BackupStatus.read(run.path)
    assert status is not None
    assert list(status.troubles(now(), timedelta(days=1))) == []
    assert status.checked is not None
    assert [base.ended for base in store.bases()][-1] == status.ended
    restore.plan_for(store, None)


@pytest.mark.slow
def test_a_directory_that_is_gone_is_not_made_anew(
    alone: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, copy = alone.run, tmp_path / "copy"
    backup.back_up(run, copy, tmp_path / "key", silent())
    copy.rename(tmp_path / "elsewhere")
    monkeypatch.setattr(sys, "argv", ["backups", str(run.path)])
    with pytest.raises(SystemExit, match="There is no directory"):
        scheduled_backup.main()
    assert reason(run) == f"There is no directory {copy}."
    copy.mkdir()
    with pytest.raises(SystemExit, match="holds no backups of this platform"):
        scheduled_backup.main()


@pytest.mark.slow
def test_only_as_many_backups_are_kept_as_the_setting_says(
    alone: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BACKUP_KEEP", "2")
    run, copy = alone.run, tmp_path / "copy"
    ids = [backup.back_up(run, copy, tmp_path / "key", silent()).id for _ in range(2)]
    store = Store.open(copy)
    store.mark(replace(store.bases()[0], verified=now()))
    ids += [backup.back_up(run, copy, None, silent()).id for _ in range(2)]

    assert [base.id for base in store.bases()] == [ids[0], *ids[2:]]
    status = BackupStatus.read(run.path)
    assert status is not None
    assert (status.last_verified, status.verified) == (ids[0], None)
    for part in store.parts():
        store.check(part)
