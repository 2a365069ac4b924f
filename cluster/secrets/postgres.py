"""Connections to PostgreSQL with credentials leased from Vault.

`Database` holds the current credentials of one database for the whole process. `DatabaseSession` is
one long-lived connection that moves to new credentials between two transactions, so that a rotation
costs no request.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict

from cluster.secrets.connection_tracker import ConnectionTracker
from cluster.secrets.lease_renewer import LeaseRenewer
from cluster.secrets.leases import Credentials, Lessor
from cluster.secrets.policies import LeaseRole, Right
from cluster.secrets.vault import SecretsError, VaultClient
from config import environment

Connection = psycopg.Connection[Any]
Cursor = psycopg.Cursor[Any]
logger = logging.getLogger(__name__)

CONNECT_TIMEOUT: Final = 5  # seconds; libpq rounds 1 up to 2
LEASE_PATIENCE: Final = 10.0  # seconds that connect() waits for Vault before it fails
# A peer that vanished without closing is noticed after 5 + 3 x 2 seconds.
KEEPALIVES: Final = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3}
# PostgreSQL's answers to a login that is of no use any more: 28P01 (wrong password, or role gone or
# expired), 28000 (NOLOGIN), 42501 (no right to connect), 57P01 (terminated on the way). psycopg has
# no SQLSTATE for a failed attempt to connect, so the text is compared.
REJECTIONS: Final = (
    "password authentication failed",
    "is not permitted to log in",
    "permission denied",
    "terminating connection due to administrator command",
)

# SQLSTATE classes of errors of the server, not of the statement: connection exception, insufficient
# resources, operator intervention, system error.
# Source: https://www.postgresql.org/docs/current/errcodes-appendix.html
OUTAGE_CLASSES: Final = ("08", "53", "57", "58")
READ_ONLY: Final = "25006"  # a standby, or a server that was set to read-only
LOCKED: Final = "55P03"


class DatabaseUnavailable(psycopg.OperationalError):
    """The database, or a login for it, is not available now, or the connection was lost.

    Whether the last transaction committed may be unknown: run the whole idempotent work again.
    """


class Database:
    """The current credentials of one database, kept fresh for the life of the process.

    `identity` is the AppRole that leases (default: this process's, or `auditor` for an auditor's
    read-only login). With `pages` the login reads the service's views for pages, which have the
    names of the tables. Thread-safe; each process that forks leases its own. Append to
    `on_rotation` functions to be called, in the renewer's thread, with each new generation of
    credentials.
    """

    def __init__(
        self,
        name: str,
        *,
        identity: str | None = None,
        auditor: bool = False,
        pages: bool = False,
    ) -> None:
        self.name = name
        self.auditor = auditor
        self.pages = pages
        own = environment.acting_identity("auditor") if auditor else environment.vault_identity()
        self.identity = identity or own
        # Only the operator, who migrates, may change tables.
        writing: Right = "owner" if self.identity == "operator" else "service"
        self._role = LeaseRole(name, "auditor" if auditor else "pages" if pages else writing)
        self.on_rotation: list[Callable[[Credentials], None]] = []
        self._lock = threading.Lock()
        self._renewer: LeaseRenewer | None = None
        self._renewer_process = 0
        self._closed = False
        self._tracker = ConnectionTracker()
        _living.add(self)

    @property
    def lease_role(self) -> str:
        """The role of Vault's database engine that is leased."""
        return self._role.name

    def current(self, *, patience: float | None = LEASE_PATIENCE) -> Credentials:
        """Return the credentials to log in with now.

        Waits at most `patience` seconds (None: for ever) for the first ones, then raises
        SecretsUnavailable.
        """
        static = self._static_credentials()
        return static or self._running_renewer().credentials(patience=patience)

    def wait(self) -> Credentials:
        """Wait until Vault has given credentials, however long it is away, and return them.

        The wait is logged.
        """
        return self.current(patience=None)

    def rotate(self) -> Credentials:
        """Lease new credentials now and return them. Connections move as at any rotation.

        Raises DatabaseUnavailable when Vault gives none in time. Static ones stay as they are.
        """
        credentials = self._current_or_unavailable()
        if credentials.lease_id is None:
            return credentials
        return self._replace(credentials)

    def connect(
        self,
        *,
        autocommit: bool = False,
        statement_timeout: float | None = None,
        **parameters: Any,
    ) -> Connection:
        """Open a connection as the service (or as the owner, or with a right that only reads).

        Rejected credentials are replaced and tried once more. `statement_timeout` is in
        seconds; `parameters` go to psycopg. Raises DatabaseUnavailable.
        """
        arguments = self.connection_parameters(statement_timeout=statement_timeout) | parameters

        def log_in(credentials: Credentials) -> Connection:
            return psycopg.connect(
                **arguments,
                user=credentials.username,
                password=credentials.password,
                autocommit=autocommit,
            )

        return self.connect_with(log_in)

    def connect_with(self, log_in: Callable[[Credentials], Connection]) -> Connection:
        """Let `log_in` open a connection with the current credentials, as in connect()."""
        credentials = self._current_or_unavailable()
        try:
            return self._tracker.opened_by(log_in, credentials)
        except psycopg.OperationalError as error:
            if credentials.lease_id is None or not _is_rejection(error):
                raise DatabaseUnavailable(f"{self.name}: {error}") from error
        fresh = self._replace(credentials)
        try:
            return self._tracker.opened_by(log_in, fresh)
        except psycopg.OperationalError as error:
            raise DatabaseUnavailable(f"{self.name}: {error}") from error

    def connection_parameters(self, *, statement_timeout: float | None = None) -> dict[str, Any]:
        """Return the parameters that psycopg.connect needs besides user and password."""
        parameters = conninfo_to_dict(environment.database_url(self.name))
        static = parameters.pop("user", None) is not None
        parameters.pop("password", None)
        settings = []
        if not static:
            # What the owner creates on this connection belongs to a role that outlives the lease.
            settings.append(f"-c role={self._role.group}")
        if self.auditor or self.pages:
            settings.append("-c default_transaction_read_only=on")
        if self.pages:
            settings.append("-c search_path=pages")
        if statement_timeout is not None:
            settings.append(f"-c statement_timeout={int(statement_timeout * 1000)}")
        return {
            "connect_timeout": CONNECT_TIMEOUT,
            "application_name": environment.setting("PROCESS_NAME", self.identity),
            "options": " ".join(settings),
            **KEEPALIVES,
            **parameters,
        }

    def is_current(self, connection: Connection) -> bool:
        """Return whether a connection of this object logged in with the current credentials."""
        renewer = self._renewer
        return renewer is None or self._tracker.generation(connection) == renewer.generation

    def close(self, *, give_back: bool = True) -> bool:
        """Stop the renewer, revoke the leases and return whether Vault answered in time.

        Best effort, two seconds at most: leases that stay behind expire by themselves.
        """
        with self._lock:
            self._closed = True
            renewer, self._renewer = self._renewer, None
            mine = self._renewer_process == os.getpid()
        if renewer is None or not mine:
            return True
        answered = renewer.stop(give_back=give_back)
        if answered:
            renewer.lessor.vault.close()
        return answered

    def _replace(self, credentials: Credentials) -> Credentials:
        self._running_renewer().replace(credentials.generation)
        return self._current_or_unavailable(newer_than=credentials.generation)

    def _current_or_unavailable(self, *, newer_than: int = 0) -> Credentials:
        static = self._static_credentials()
        if static is not None:
            return static
        try:
            return self._running_renewer().credentials(
                newer_than=newer_than, patience=LEASE_PATIENCE
            )
        except SecretsError as error:
            raise DatabaseUnavailable(f"{self.name}: {error}") from error

    def _static_credentials(self) -> Credentials | None:
        parameters = conninfo_to_dict(environment.database_url(self.name))
        user = parameters.get("user")
        if user is None:
            return None
        return Credentials(str(user), str(parameters.get("password") or ""), None, 0, None)

    def _running_renewer(self) -> LeaseRenewer:
        with self._lock:
            if self._closed:
                raise DatabaseUnavailable(f"{self.name}: closed in this process")
            if self._renewer is None or self._renewer_process != os.getpid():
                # Threads do not survive a fork, and a lease belongs to one process.
                self._tracker = ConnectionTracker()
                self._renewer = LeaseRenewer(
                    Lessor(VaultClient(identity=self.identity), self.lease_role),
                    in_use=self._tracker.in_use,
                    on_rotation=self._announce_rotation,
                )
                self._renewer_process = os.getpid()
            return self._renewer

    def _announce_rotation(self, credentials: Credentials) -> None:
        for callback in list(self.on_rotation):
            try:
                callback(credentials)
            except Exception:
                logger.exception("a rotation callback of %s failed", self.name)


class DatabaseSession:
    """One long-lived connection, for one thread at a time."""

    def __init__(self, database: Database, *, statement_timeout: float | None = None) -> None:
        self.database = database
        self._statement_timeout = statement_timeout
        self._connection: Connection | None = None

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Run a block in one transaction, committed at its end or rolled back on an exception.

        It begins on a connection with current credentials. Raises DatabaseUnavailable when there is
        none or it is lost on the way. The next transaction() reconnects.
        """
        try:
            with ExitStack() as block:
                yield self._begin(block)
        except psycopg.Error as error:
            connection = self._connection
            if connection is None or not connection.closed:
                raise
            self._connection = None
            raise DatabaseUnavailable(f"{self.database.name}: {error}") from error

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _begin(self, block: ExitStack) -> Connection:
        if self._connection is not None and not self.database.is_current(self._connection):
            self.close()
        if self._connection is not None:
            try:
                block.enter_context(self._connection.transaction())
            except psycopg.OperationalError:
                # Lost while idle (a restart, a revoked lease), before any work was done on it.
                self.close()
            else:
                return self._connection
        self._connection = self.database.connect(
            autocommit=True, statement_timeout=self._statement_timeout
        )
        block.enter_context(self._connection.transaction())
        return self._connection


_databases: dict[tuple[str, str | None, bool, bool], Database] = {}
_living: Final[weakref.WeakSet[Database]] = weakref.WeakSet()
_databases_lock: Final = threading.Lock()


def database(
    name: str, *, identity: str | None = None, auditor: bool = False, pages: bool = False
) -> Database:
    """Return this process's one shared holder of a database's credentials."""
    with _databases_lock:
        key = (name, identity, auditor, pages)
        if key not in _databases:
            _databases[key] = Database(name, identity=identity, auditor=auditor, pages=pages)
        return _databases[key]


def close_databases() -> None:
    """Revoke all leases of this process, which also happens at a regular exit."""
    with _databases_lock:
        _databases.clear()
    answering = True
    for holder in list(_living):  # a Vault that is away must not cost two seconds for each
        answering = holder.close(give_back=answering)


atexit.register(close_databases)


def _is_rejection(error: psycopg.OperationalError) -> bool:
    """Return whether PostgreSQL refused the login, rather than being away."""
    return any(sign in str(error) for sign in REJECTIONS)


def is_outage(error: BaseException) -> bool:
    """Return whether an error comes from the database's state and not from the statement.

    After an outage the same statement may succeed later. Any other error belongs to the statement
    and its values, and comes again each time. Django's errors are judged by their cause. Conflicts
    between transactions are no outage.
    """
    if isinstance(error, DatabaseUnavailable):
        return True
    if not isinstance(error, psycopg.Error):  # Django's have the driver's as their cause
        cause = error.__cause__
        return isinstance(cause, psycopg.Error) and is_outage(cause)
    if error.sqlstate is None:  # the driver's own: a lost connection, or values it cannot send
        return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    return error.sqlstate[:2] in OUTAGE_CLASSES or error.sqlstate in (READ_ONLY, LOCKED)
