"""`manage.py backup DIR`: a base backup of the running platform, and WAL from then on."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

from compose import lock, outside
from compose.backups import age, books, vault, wal
from compose.backups.postgres import base_backup, current_segment, require_archiving
from compose.backups.settings import schedule
from compose.backups.status import update
from compose.backups.store import LABEL, Base, Store, now
from compose.errors import Misuse, PlainError
from compose.platform import pointers, run_step
from compose.progress import Progress
from compose.run_directory import RunDirectory
from compose.servers.openbao import OpenBao
from compose.servers.postgres import binaries
from config.environment import ROOT

SECRETS: Final = "secrets"
VAULT: Final = "openbao"
PROVIDER: Final = "provider"
# Each platform has its own: on one machine, two must not take each other's data for theirs.
NOT_KEPT: Final = frozenset({"platform-id"})
JOURNALLED_WITHIN: Final = 60.0  # seconds
SPARE: Final = 200 * 1024**2  # bytes; a platform on the same disk must not be stopped by a backup
GROWTH: Final = 1.2  # of a base backup from one to the next
# What a good backup makes untrue.
GOOD: Final = {
    "began": None, "failed": None, "failure": "", "unarchived": "", "unarchived_since": None,
}  # fmt: skip


def back_up(run: RunDirectory, directory: Path, key_file: Path | None, progress: Progress) -> Base:
    """Back the running platform up into a directory, and keep archiving its WAL there."""
    _require_running(run)
    store = _open_store(run, directory, key_file, progress)
    with wal.alone(run):
        store.discard_unfinished()
        _require_space(store)
        before = wal.Target.of(run)
        is_same = before is not None and before.directory == directory
        place = before.books if before and is_same else books.end_of(wal.provider_books(run))
        wal.begin(run, wal.Target(directory, place))
        started = now()
        with _undone_after_failure(run, store, f"{started:%Y%m%dT%H%M%SZ}") as name:
            base = _base(run, store, name, started, progress)
            with progress.step("The WAL up to now is archived"):
                wal.archive(run, store)
            with progress.step("The journal has what the broker held"):
                _await_journal(run)
            with progress.step("The WAL after it is archived"):
                last = wal.archive(run, store)
            store.add(base)
        store.prune(schedule().keep)
        update(run, directory, archived=last.at, **wal.standing(store), **GOOD)
    return base


def versions() -> dict[str, str]:
    """Return the versions of the servers that decide whether a backup fits a machine."""
    return {"postgresql": binaries().parent.name}


def _require_running(run: RunDirectory) -> None:
    """Raise PlainError unless the platform runs, with all its databases and OpenBao."""
    if "supervisor" not in (lock.holder(run.lock_file) or {}):
        raise PlainError("The platform does not run: start it with `python3 manage.py up`.")
    addresses = {server.url for server in wal.servers_of(run)} | {_bao(run).url}
    elsewhere = addresses - set(run.read_addresses().values())
    if elsewhere:
        raise PlainError(
            "A part of this platform runs elsewhere, where its operator backs it up: nothing of "
            f"it is at {', '.join(sorted(elsewhere))}."
        )
    for server in wal.servers_of(run):
        require_archiving(server)


def _require_space(store: Store) -> None:
    """Raise PlainError unless the disk has room for another base backup, and some to spare."""
    sizes = [base.size for base in store.bases()]
    needed = SPARE + int(max(sizes[-1:], default=0) * GROWTH)
    free = shutil.disk_usage(store.path).free
    if free < needed:
        raise PlainError(
            f"Only {free // 1024**2} MB are free on the disk of {store.path}, and the next backup "
            f"needs {needed // 1024**2}: free some, or keep fewer backups with BACKUP_KEEP."
        )


def _open_store(
    run: RunDirectory, directory: Path, key_file: Path | None, progress: Progress
) -> Store:
    """Return the directory's backups. It is made, with its key, when it is new or empty."""
    platform = run.secret("platform-id")
    if (directory / LABEL).exists():
        store = Store.open(directory)
        if store.platform != platform:
            raise PlainError(f"{directory} holds backups of another platform: name another one.")
        if key_file and age.recipient_of(read_key(key_file)) != store.recipient:
            raise PlainError(f"The key in {key_file} does not open the backups in {directory}.")
        return store
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise PlainError(f"{directory} exists, is not empty and holds no backups: name another.")
    if directory.is_relative_to(run.path):
        raise Misuse(f"{directory} lies in the run directory, and would be lost with it.")
    if key_file is None:
        raise Misuse(
            f"{directory} is new, so that a key has to be made for it: say where you keep it, "
            "with `--key FILE`."
        )
    for place in (directory, run.path, ROOT):
        if key_file.is_relative_to(place):
            raise Misuse(f"The key must not lie in {place}: it opens what is backed up there.")
    key = read_key(key_file) if key_file.exists() else _new_key(key_file)
    store = Store.make(directory, platform=platform, recipient=age.recipient_of(key))
    progress.say(f"The key is in {key_file}. Keep it, and a copy of it, away from the backups.")
    return store


def read_key(path: Path) -> str:
    """Return the secret key in a file, or raise PlainError when there is none."""
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise PlainError(f"The key cannot be read from {path}: {error}.") from error
    keys = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    try:
        age.recipient_of(keys[0] if len(keys) == 1 else "")
    except age.WrongKey as error:
        raise PlainError(f"{path} does not hold one key of the age format.") from error
    return keys[0]


def _new_key(path: Path) -> str:
    key = age.new_key()
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise PlainError(f"The key cannot be written to {path}: {error.strerror}.") from error
    with os.fdopen(descriptor, "w") as file:
        file.write(f"# public key: {age.recipient_of(key)}\n{key}\n")
        file.flush()
        os.fsync(file.fileno())
    return key


@contextmanager
def _undone_after_failure(run: RunDirectory, store: Store, name: str) -> Iterator[str]:
    """Give a base backup its name, and delete what there is of it when the block fails."""
    try:
        yield name
    except BaseException:
        shutil.rmtree(store.path / name, ignore_errors=True)
        if not store.bases():  # the WAL alone would be of no use
            wal.give_up(run)
        raise


def _base(
    run: RunDirectory, store: Store, name: str, started: datetime, progress: Progress
) -> Base:
    """Copy every part of the platform."""
    segments = {server.database: current_segment(server) for server in wal.servers_of(run)}
    parts = {
        part: store.write(part, f"{name}/{part}", plain) for part, plain in _parts(run, progress)
    }
    return Base(name, started, now(), parts, wal_from=segments, versions=versions())


def _parts(run: RunDirectory, progress: Progress) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Yield each part's name and content, which is to be read before the next part."""
    for server in wal.servers_of(run):
        with progress.step(f"{server.name} is copied"):
            yield server.name, base_backup(server)
    with progress.step("OpenBao, the provider's books and the secrets are copied"):
        yield VAULT, vault.snapshot(run, _bao(run).url)
        with tempfile.TemporaryDirectory(dir=run.data(PROVIDER)) as folder:
            copied = Path(folder) / "books"
            books.copy(wal.provider_books(run), copied)
            yield PROVIDER, books.pieces(copied)
        yield SECRETS, _secrets(run)


def _secrets(run: RunDirectory) -> Iterator[bytes]:
    """Yield the secrets that a restored platform goes on with, as JSON by their file's name."""
    files = (path for path in sorted(run.secrets.rglob("*")) if path.is_file())
    names = {path: str(path.relative_to(run.secrets)) for path in files}
    kept = {name: path.read_text() for path, name in names.items() if name not in NOT_KEPT}
    yield json.dumps(kept).encode()


def _await_journal(run: RunDirectory) -> None:
    """Wait until the journal is not behind the moment of the last batch."""
    run_step(
        [
            sys.executable, "-m", "cluster.operations.resend", "journalled",
            "--within", str(JOURNALLED_WITHIN),
        ],
        run,
        {**outside.environment(), **pointers(run), "VAULT_IDENTITY": "auditor"},
        what="Asking the journal",
    )  # fmt: skip


def _bao(run: RunDirectory) -> OpenBao:
    ports = run.read_state()["ports"]
    return OpenBao(port=ports["openbao"], cluster_port=ports["openbao-cluster"], run=run)
