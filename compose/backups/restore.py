"""`manage.py restore DIR`: a platform in an empty run directory, as it was at one moment.

The six servers are recovered to the same moment, which one host's clock makes consistent: what a
transaction has read from another database was committed there before. RabbitMQ begins empty, and
what it alone held is sent again (`cluster/operations/resend.py`).
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import dropwhile
from pathlib import Path
from typing import Any, Final

from compose import lock, outside
from compose.backups import age, postgres, vault, wal
from compose.backups.backup import PROVIDER, SECRETS, VAULT, read_key, versions
from compose.backups.store import Base, Batch, Part, Store
from compose.errors import PlainError
from compose.platform import run_step
from compose.ports import USUAL_WEB_PORT, choose_ports
from compose.progress import Progress
from compose.run_directory import RunDirectory, write_private
from compose.servers.openbao import OpenBao
from compose.servers.postgres import (
    SUPERUSER,
    SUPERUSER_SECRET,
    Postgres,
    address_name,
    data_home,
    make_home,
    make_owned_folder,
)
from config.environment import DATABASES

REPORT: Final = "restore.json"  # in the run directory
JOURNAL: Final = "site"  # the database that has the journal
AHEAD: Final = "ahead"  # its second copy, of a little later
VAULT_ADMIN: Final = "vault_admin"  # Vault's own login on each server
SEGMENTS: Final = 256  # in each file of 4 GB that a segment's name counts
SEGMENT_NAME: Final = 24  # characters


@dataclass(frozen=True)
class Plan:
    """The base backup of a restore to a moment, and the batches up to a little later."""

    to: datetime
    base: Base
    batches: Sequence[Batch]

    @property
    def parts(self) -> list[Part]:
        found = list(self.base.parts.values())
        for batch in self.batches:
            found += [part for database in DATABASES for part in batch.wal[database]]
            found += [batch.books] if batch.books else []
        return found


def restore(
    run: RunDirectory, store: Store, key_file: Path, to: datetime | None, progress: Progress
) -> Plan:
    """Restore a backup into an empty run directory, and write down what became of messages."""
    _require_empty(run)
    key = read_key(key_file)
    if age.recipient_of(key) != store.recipient:
        raise PlainError(f"The key in {key_file} does not open the backups in {store.path}.")
    plan = plan_for(store, to)
    if dict(plan.base.versions) != versions():
        raise PlainError(
            f"The backup is of PostgreSQL {plan.base.versions.get('postgresql')}, and this "
            f"machine has {versions()['postgresql']}: restore it on a machine with the former."
        )
    with progress.step(f"The digests of {len(plan.parts)} files are right"):
        for part in plan.parts:
            store.check(part)
    with _made(run):
        _restore_secrets(run, b"".join(store.read(plan.base.parts[SECRETS], key)))
        _Restore(run, store, key, plan, progress).databases()
        ports = choose_ports(("openbao", "openbao-cluster"), {}, taken=USUAL_WEB_PORT)
        bao = OpenBao(port=ports["openbao"], cluster_port=ports["openbao-cluster"], run=run)
        with progress.step("OpenBao is restored, without the logins that it had leased"):
            vault.restore(bao, b"".join(store.read(plan.base.parts[VAULT], key)))
        with progress.step("The provider's books are restored"):
            _restore_books(run, store, key, plan)
    return plan


def plan_for(store: Store, to: datetime | None) -> Plan:
    """Return what to restore for a moment, or for the last one. Raises PlainError for neither."""
    bases, last = store.bases(), store.last_moment()
    if not bases or last is None:
        raise PlainError(f"{store.path} holds no finished backup.")
    moment = last if to is None else to
    if moment > last:
        raise PlainError(f"The last moment that can be restored is {last:%Y-%m-%d %H:%M:%S} UTC.")
    usable = [base for base in bases if base.ended <= moment]
    if not usable:
        first = bases[0].ended
        raise PlainError(f"The first moment that can be restored is {first:%Y-%m-%d %H:%M:%S} UTC.")
    base = usable[-1]
    # By their place, not their time: the clock may have been set back in between.
    batches = list(dropwhile(lambda batch: not _is_after(batch, base), store.batches()))
    reached = next(number for number, batch in enumerate(batches) if batch.at >= moment)
    plan = Plan(moment, base, batches[: reached + 2])
    for database in DATABASES:
        _require_whole(database, plan)
    return plan


def _is_after(batch: Batch, base: Base) -> bool:
    """Return whether a batch holds any segment that a server needs after the base backup."""
    return any(
        part.name >= base.wal_from[database]
        for database, parts in batch.wal.items()
        for part in parts
    )


def _require_whole(database: str, plan: Plan) -> None:
    """Raise PlainError when a segment is missing, as after archiving was given up."""
    expected = plan.base.wal_from[database]
    for part in (part for batch in plan.batches for part in batch.wal[database]):
        if len(part.name) != SEGMENT_NAME or part.name < expected:
            continue
        if part.name != expected:
            raise PlainError(
                f"The WAL of {database} has no segment {expected}: archiving was interrupted after "
                f"the base backup of {plan.base.started:%Y-%m-%d %H:%M:%S} UTC. Name a moment that "
                "is earlier, or later than the next base backup."
            )
        expected = _following(expected)


def _following(segment: str) -> str:
    number = int(segment[8:16], 16) * SEGMENTS + int(segment[16:], 16) + 1
    return f"{segment[:8]}{number // SEGMENTS:08X}{number % SEGMENTS:08X}"


def _require_empty(run: RunDirectory) -> None:
    if lock.holder(run.lock_file) is not None:
        raise PlainError(
            f"A platform runs in {run.path}: stop it with `python3 manage.py down`, or name "
            "another run directory in PORTFOLIO_RUN_DIR."
        )
    # The log of an attempt that failed may stay.
    if run.path.exists() and any(path.name != "log" for path in run.path.iterdir()):
        raise PlainError(
            f"The run directory {run.path} is not empty: move it away, or name another one in "
            "PORTFOLIO_RUN_DIR."
        )


@contextmanager
def _made(run: RunDirectory) -> Iterator[None]:
    """Make the run directory and hold its lock. When the block fails, only the log is left."""
    run.make()
    held = lock.Lock(run.lock_file)
    if not held.acquire():
        raise PlainError(f"Another command has just begun to use {run.path}.")
    held.describe(up=os.getpid())
    try:
        yield
    except BaseException:
        shutil.rmtree(data_home(run), ignore_errors=True)
        for folder in ("data", "secrets"):
            shutil.rmtree(run.path / folder, ignore_errors=True)
        for file in (run.path / REPORT, run.lock_file):
            file.unlink(missing_ok=True)
        raise
    finally:
        held.close()


def _restore_secrets(run: RunDirectory, packed: bytes) -> None:
    for name, text in json.loads(packed).items():
        path = run.secrets / name
        path.parent.mkdir(mode=0o700, exist_ok=True)
        write_private(path, text)


@dataclass(frozen=True)
class _Restore:
    run: RunDirectory
    store: Store
    key: str
    plan: Plan
    progress: Progress

    def databases(self) -> None:
        """Recover the six servers to the moment, and send again what only the broker held."""
        names = [*DATABASES, AHEAD]
        ports = choose_ports(names, {}, taken=USUAL_WEB_PORT)
        scratch = data_home(self.run) / "restore"
        make_home(self.run)
        servers = {
            name: Postgres(database=name, port=ports[name], run=self.run) for name in DATABASES
        }
        recoveries = {
            name: postgres.Recovery(
                server, data=server.data, wal=scratch / "wal" / name, to=self.plan.to
            )
            for name, server in servers.items()
        }
        recoveries[AHEAD] = postgres.Recovery(
            replace(servers[JOURNAL], port=ports[AHEAD]),
            data=scratch / AHEAD,
            wal=scratch / "wal" / JOURNAL,
            to=None,
        )
        with self.progress.step("The base backups are unpacked"):
            for recovery in recoveries.values():
                base = self.plan.base.parts[recovery.server.name]
                postgres.unpack(self.store.read(base, self.key), recovery.data)
        with self.progress.step("The archived WAL is unpacked"):
            for database in DATABASES:
                self._unpack_wal(database, scratch / "wal" / database)
        moment = f"{self.plan.to:%Y-%m-%d %H:%M:%S.%f} UTC"
        with ExitStack() as stack:
            with self.progress.step(f"Every database is as it was at {moment}"):
                for recovery in recoveries.values():
                    stack.enter_context(recovery.running())
            with self.progress.step("What only the broker held is sent again"):
                self._send_again({name: found.server for name, found in recoveries.items()})
            for database in DATABASES:
                postgres.forget_former_platform(recoveries[database].server, VAULT_ADMIN)
        shutil.rmtree(scratch)

    def _unpack_wal(self, database: str, folder: Path) -> None:
        make_owned_folder(folder)
        for part in (part for batch in self.plan.batches for part in batch.wal[database]):
            postgres.write_owned(self.store.read(part, self.key), folder / part.name)

    def _send_again(self, servers: Mapping[str, Postgres]) -> None:
        password = self.run.secret(SUPERUSER_SECRET)
        urls = {
            name: f"postgresql://{SUPERUSER}:{password}@127.0.0.1:{server.port}/{server.database}"
            for name, server in servers.items()
        }
        report = self.run.path / REPORT
        _step(
            self.run,
            ["cluster.operations.resend", "again", "--ahead", urls[AHEAD], "--report", str(report)],
            {address_name(database): urls[database] for database in DATABASES},
        )
        document = {"moment": self.plan.to.isoformat(), **read_report(self.run)}
        write_private(report, json.dumps(document, indent=2))


def _restore_books(run: RunDirectory, store: Store, key: str, plan: Plan) -> None:
    folder = run.data(PROVIDER)
    folder.mkdir(mode=0o700, exist_ok=True)
    path = wal.provider_books(run)
    _write(path, store.read(plan.base.parts[PROVIDER], key))
    added = []
    for batch in plan.batches:
        if batch.books:
            added.append(folder / Path(batch.books.file).name)
            _write(added[-1], store.read(batch.books, key))
    arguments = [str(path), str(plan.to.timestamp()), *map(str, added)]
    _step(run, ["cluster.payments.sandbox.rewind", *arguments], {})
    for file in added:
        file.unlink()


def _write(path: Path, pieces: Iterator[bytes]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        for piece in pieces:
            file.write(piece)


def _step(run: RunDirectory, module: Sequence[str], settings: Mapping[str, str]) -> None:
    environment = {**outside.environment(), "PORTFOLIO_RUN_DIR": str(run.path), **settings}
    run_step([sys.executable, "-m", *module], run, environment, what=f"`{module[0]}`")


def read_report(run: RunDirectory) -> dict[str, Any]:
    """Return what became of the messages that only the broker held."""
    found: dict[str, Any] = json.loads((run.path / REPORT).read_text())
    return found


def report_lines(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield the report on messages as sentences."""
    again, lost, ahead = report["sent_again"], report["lost"], report["ahead"]
    yield f"Messages that only the broker held: {len(again) + len(lost)}."
    yield f"Sent again: {len(again)}, lost: {len(lost)}."
    for one in again:
        yield f"  again: {one['type']} {one['id']} ({_stream(one)}) to {', '.join(one['to'])}"
    for one in lost:
        yield (
            f"  lost: {_stream(one)}, which {', '.join(one['to'])} lacks; what comes later in "
            "this stream stays parked there"
        )
    for one in ahead:
        yield (
            f"  ahead: {one['service']} has applied {one['applied']} of {one['source']}'s "
            f"{one['subject']}, and {one['announced']} were announced"
        )
    yield from report["not_known"]


def _stream(one: Mapping[str, Any]) -> str:
    return f"{one['sequence']} of {one['source']}'s {one['subject']}"
