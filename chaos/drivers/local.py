"""The driver of the local supervisor: signals by pid, and the servers' own controls."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import psycopg

from chaos.drivers import vault_admin
from chaos.drivers.driver import DriverError
from compose import leftovers
from compose.run_directory import RunDirectory
from compose.servers.postgres import SUPERUSER, SUPERUSER_SECRET, data_directories
from compose.servers.rabbitmq import BrokerCommandFailed, local_broker
from compose.supervisor import Supervisor, SupervisorError, process_tree
from config.environment import MissingSetting, database_url, run_directory

CONNECT_PATIENCE: Final = 3  # seconds: a paused server accepts the connection and does not answer
STATEMENT_PATIENCE: Final = 5  # seconds
BROKER_PATIENCE: Final = 10.0  # seconds; rabbitmqctl takes 0.7 of them to start

T = TypeVar("T")


class LocalDriver:
    """Carries faults out on the platform of a run directory, by default this process's own."""

    name = "local"

    def __init__(self, directory: Path | None = None) -> None:
        self._run = RunDirectory(directory or run_directory())

    def processes(self) -> list[str]:
        return [found.name for found in _told(self._supervisor().processes)]

    def kill(self, process: str) -> str:
        """Send SIGKILL to the process alone.

        Paused children are resumed, so that they notice its death.
        """
        pid = self._pid(process)
        children = list(process_tree(pid))[1:]
        os.kill(pid, signal.SIGKILL)
        _signal_all(children, signal.SIGCONT)
        return f"SIGKILL to {process} (process {pid})"

    def pause(self, process: str) -> str:
        supervisor = self._supervisor()
        _told(lambda: supervisor.signal_tree(process, signal.SIGSTOP))
        # Again, for a child that was made while the first signals were being sent.
        pids = _told(lambda: supervisor.signal_tree(process, signal.SIGSTOP))
        return f"SIGSTOP to {process} (process {pids[0]}{_and_children(len(pids) - 1)})"

    def resume(self, process: str) -> str:
        """Send SIGCONT to the process as it is now, and to paused children of a killed one."""
        states = {found.name: found for found in _told(self._supervisor().processes)}
        if process not in states:
            raise DriverError(f"There is no process {process!r}.")
        found = states[process]
        if found.pid is not None:
            _signal_all(process_tree(found.pid), signal.SIGCONT)
        alive = [one.pid for one in states.values() if one.pid is not None]
        orphans = stopped_orphans(self._run.path, data_directories(self._run), supervised=alive)
        _signal_all(orphans, signal.SIGCONT)
        if found.status != "paused" and not orphans:
            return f"{process} was not paused any more"
        return f"SIGCONT to {process}{_and_children(len(orphans))}"

    def restart(self, process: str) -> str:
        _told(lambda: self._supervisor().restart(process))
        return f"{process} was told to end, and has"

    def ensure_running(self, process: str) -> str:
        supervisor = self._supervisor()
        if _told(lambda: supervisor.process(process)).status != "stopped":
            return f"the supervisor looks after {process}"
        _told(lambda: supervisor.start(process))
        return f"{process} was started"

    def sql(
        self, database: str, statements: Sequence[str], *, within: str = "postgres"
    ) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = []
        try:
            server = urlsplit(database_url(database))
            with psycopg.connect(
                host=server.hostname,
                port=server.port,
                dbname=within,
                user=SUPERUSER,
                password=self._run.secret(SUPERUSER_SECRET),
                connect_timeout=CONNECT_PATIENCE,
                application_name="chaos",
                options=f"-c statement_timeout={STATEMENT_PATIENCE}s",
                autocommit=True,
            ) as connection:
                for statement in statements:
                    # Statements of the faults: no visitor's text is among them.
                    cursor = connection.execute(statement.encode())
                    rows = cursor.fetchall() if cursor.description else []
        except (psycopg.Error, MissingSetting) as error:
            raise DriverError(f"the server of {database}: {_first_line(error)}") from error
        return rows

    def broker(self, *arguments: str) -> str:
        node = local_broker(self._run)
        if node is None:
            raise DriverError("no RabbitMQ of this platform is on this machine")
        try:
            return node.control(*arguments, patience=BROKER_PATIENCE)
        except BrokerCommandFailed as error:
            raise DriverError(str(error)) from error

    def secrets(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        approle = self._run.secrets / "approle" / f"{vault_admin.IDENTITY}.json"
        return vault_admin.ask(method, path, body, approle=approle)

    def _supervisor(self) -> Supervisor:
        return _told(lambda: Supervisor.connect(self._run.path))

    def _pid(self, process: str) -> int:
        return _told(lambda: self._supervisor().pid(process))


def _told(ask: Callable[[], T]) -> T:
    """Return the supervisor's answer, or raise its refusal as a DriverError."""
    try:
        return ask()
    except SupervisorError as error:
        raise DriverError(str(error)) from error


def _signal_all(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _and_children(count: int) -> str:
    return f" and {count} {'child' if count == 1 else 'children'}" if count else ""


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__


def stopped_orphans(
    run_directory: Path, data_directories: Sequence[Path], *, supervised: Iterable[int]
) -> list[int]:
    """Return the pids of this platform's stopped processes without a supervised ancestor.

    They were paused together with a parent that has been killed since. PostgreSQL's sessions hold
    its shared memory. While they are paused, they cannot notice that their parent is gone, and no
    new server starts in its place.
    """
    ours = {pid for root in supervised for pid in process_tree(root)}
    marked = set(leftovers.find(run_directory))
    folders = {str(folder) for folder in data_directories}
    stopped = [pid for pid in _stopped() if pid not in ours]
    return [pid for pid in stopped if pid in marked or _works_in(pid, folders)]


def _stopped() -> list[int]:
    found = []
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            try:
                state = (path / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:  # it has ended meanwhile
                continue
            if state == "T":
                found.append(int(path.name))
    return found


def _works_in(pid: int, folders: set[str]) -> bool:
    """Return whether the process works in one of these folders, as PostgreSQL's processes do."""
    try:
        return str(Path(f"/proc/{pid}/cwd").readlink()) in folders
    except OSError:
        return False
