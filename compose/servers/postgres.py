"""PostgreSQL: one small server for each database (docs/adr/0003-one-postgres-per-service.md).

PostgreSQL refuses to run as root, so root's servers run as the package's user
`postgres`, or as `nobody`.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg

from compose.errors import PlainError
from compose.process import Process
from compose.run_directory import RunDirectory
from compose.system_packages import installed, postgres_binaries
from config.environment import DATABASES

SUPERUSER: Final = "postgres"
SUPERUSER_SECRET: Final = "postgres-superuser"  # noqa: S105  (a file's name)

# For data when PostgreSQL's user cannot reach the run directory, as under root's private home.
FAR_DATA: Final = Path("/var/lib/working-timetable")

# Small, since six of them share two cores; durable, since nothing may be lost.
SETTINGS: Final = """\
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = ''         # one way in, and it asks for a password
password_encryption = scram-sha-256
max_connections = 60
shared_buffers = 32MB
fsync = on
synchronous_commit = on
wal_level = replica                  # enough for base backups and recovery to a moment
max_wal_senders = 2                  # for pg_basebackup
archive_mode = on                    # a folder decides whether anything is archived
archive_command = '{archive}'
max_prepared_transactions = 16       # only for `bench commit`, which shows two-phase commit
min_wal_size = 32MB
max_wal_size = 256MB
max_parallel_workers_per_gather = 0  # short set-based statements gain nothing from it
jit = off                            # nor from this
autovacuum = on
autovacuum_naptime = 5s              # outbox and inbox rows come and go all the time
autovacuum_vacuum_scale_factor = 0.1
log_destination = stderr
logging_collector = off              # the supervisor keeps the log
log_line_prefix = '%m [%p] %u '
log_checkpoints = off
datestyle = 'iso, ymd'
timezone = 'UTC'
lc_messages = 'C'
"""

# PostgreSQL runs it in the data directory. Without the folder nothing is archived.
ARCHIVE: Final = (
    "test ! -d ../archive/{database} || "
    "{{ cp %p ../archive/{database}/.%f && sync ../archive/{database}/.%f && "
    "mv ../archive/{database}/.%f ../archive/{database}/%f; }}"
)

ACCESS: Final = """\
host all all 127.0.0.1/32 scram-sha-256
host replication postgres 127.0.0.1/32 scram-sha-256
"""


@dataclass(frozen=True)
class Postgres:
    """The server of one database."""

    database: str
    port: int
    run: RunDirectory

    @property
    def name(self) -> str:
        return f"postgres-{self.database}"

    @property
    def variable(self) -> str:
        return address_name(self.database)

    @property
    def data(self) -> Path:
        return data_home(self.run) / self.database

    @property
    def url(self) -> str:
        """The address without a user, since credentials are leased from Vault."""
        return f"postgresql://127.0.0.1:{self.port}/{self.database}"

    def prepare(self) -> None:
        """Make the data directory, once, and its configuration, at every start."""
        home = data_home(self.run)
        if not self.data.exists():
            template = home / "template"
            if not template.exists():
                _initialise(self.run, home, template)
            draft = home / f"{self.database}.partial"
            shutil.rmtree(draft, ignore_errors=True)
            _run_as_owner("cp", "--recursive", "--reflink=auto", str(template), str(draft))
            draft.rename(self.data)
        # No server of ours runs any more when this is called. After a power cut another
        # process may by now have the pid that the file names.
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        archive = ARCHIVE.format(database=self.database)
        settings = SETTINGS.format(port=self.port, archive=archive)
        _write_owned(self.data / "postgresql.conf", settings)
        _write_owned(self.data / "pg_hba.conf", ACCESS)

    def process(self) -> Process:
        return Process(
            name=self.name,
            command=(*as_owner(), str(binaries() / "postgres"), "-D", str(self.data)),
            folder=Path("/"),
            stop_signal=signal.SIGINT,  # fast: ends the sessions, then a clean shutdown
            patience=4.0,
            stop_phase=1,
            is_server=True,
        )

    def is_ready(self) -> bool:
        """Return whether the server answers a query, not only a connection."""
        try:
            with self.superuser() as connection:
                connection.execute("SELECT 1")
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                raise PlainError(
                    f"{self.name} refuses this platform's password, so its data directory "
                    f"{self.data} belongs to another platform: put its own back."
                ) from error
            return False
        except psycopg.Error:
            return False
        return True

    def superuser(self, database: str = "postgres") -> psycopg.Connection[Any]:
        """Return a connection that commits each statement by itself.

        It is to the maintenance database unless another one is named.
        """
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            dbname=database,
            user=SUPERUSER,
            password=self.run.secret(SUPERUSER_SECRET),
            connect_timeout=2,
            autocommit=True,
        )


def address_name(database: str) -> str:
    """Return the environment variable that names a database's address."""
    return "DATABASE_URL" if database == "site" else f"{database.upper()}_DATABASE_URL"


def data_home(run: RunDirectory) -> Path:
    """Return the folder of all six data directories."""
    near = run.data("postgres")
    if os.geteuid() != 0 or _may_pass(run.path):
        return near
    return FAR_DATA / run.secret("platform-id")


def data_directories(run: RunDirectory) -> list[Path]:
    """Return the data directory of each database's server, whether it exists or not."""
    return [data_home(run) / database for database in DATABASES]


def spool(run: RunDirectory, database: str) -> Path:
    """Return the folder into which a server archives its WAL, if it exists."""
    return data_home(run) / "archive" / database


def make_owned_folder(path: Path) -> None:
    """Make a private folder of PostgreSQL's user below the data directories' home."""
    _run_as_owner("mkdir", "--parents", "--mode=0700", str(path))


def binaries() -> Path:
    return installed(postgres_binaries(), "PostgreSQL", "postgresql")


def _owner() -> pwd.struct_passwd:
    """Return the user that the servers run as: our own, or for root the package's."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise PlainError(
        "PostgreSQL does not run as root, and there is no user `postgres` or `nobody`."
    )


def as_owner() -> tuple[str, ...]:
    """Return the prefix that runs a command as PostgreSQL's user. Only root needs one."""
    if os.geteuid() != 0:
        return ()
    owner = _owner()
    return ("setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups", "--")


def _may_pass(path: Path) -> bool:
    """Return whether PostgreSQL's user can reach the files under `path`."""
    command = (*as_owner(), "test", "-x", str(path))
    return subprocess.run(command, cwd="/", check=False).returncode == 0


def make_home(run: RunDirectory) -> None:
    """Make the folder of all six data directories."""
    home, owner = data_home(run), _owner()
    home.mkdir(parents=True, exist_ok=True)
    if home.is_relative_to(FAR_DATA):
        home.parent.chmod(0o711)
        _remove_orphans(run)
    home.chmod(0o700)
    os.chown(home, owner.pw_uid, owner.pw_gid)
    if home.is_relative_to(FAR_DATA):
        (home / "run-directory").write_text(str(run.path))


def _initialise(run: RunDirectory, home: Path, template: Path) -> None:
    """Run initdb once for a template, since to copy it for six servers takes half the time."""
    make_home(run)
    draft = home / "template.partial"
    shutil.rmtree(draft, ignore_errors=True)
    password = home / "password"
    _write_owned(password, run.secret(SUPERUSER_SECRET))
    try:
        _run_as_owner(
            str(binaries() / "initdb"), "--pgdata", str(draft), "--username", SUPERUSER,
            "--pwfile", str(password), "--auth", "scram-sha-256", "--encoding", "UTF8",
            "--locale", "C.UTF-8", "--no-sync",
        )  # fmt: skip
    finally:
        password.unlink()
    draft.rename(template)


def _remove_orphans(run: RunDirectory) -> None:
    """Remove the data of an earlier platform whose run directory, this one, was deleted since."""
    for home in FAR_DATA.iterdir():
        note = home / "run-directory"
        if note.exists() and note.read_text() == str(run.path):
            shutil.rmtree(home)


def _run_as_owner(*command: str) -> None:
    done = subprocess.run(
        (*as_owner(), *command), cwd="/", capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines() or ["it did not say why"]
        raise PlainError(f"{Path(command[0]).name} failed: {said[-1]}")


def _write_owned(path: Path, text: str) -> None:
    """Write a file of mode 0600 that belongs to PostgreSQL's user."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        owner = _owner()
        os.fchown(file.fileno(), owner.pw_uid, owner.pw_gid)
        file.write(text)
