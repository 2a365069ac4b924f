"""A client of the supervisor that lists, starts, stops, restarts and kills processes."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from circus.client import CircusClient
from circus.exc import CallError

from compose.leftovers import send_signal, wait_until_gone
from compose.run_directory import RunDirectory
from config.environment import run_directory
from config.waiting import wait_until

Status = Literal["running", "paused", "waiting", "starting", "stopping", "stopped"]

CONFLICT_RETRY: Final = 0.05  # seconds; the supervisor does one thing at a time
CONFLICT_PATIENCE: Final = 20.0  # seconds; the slowest stop takes about ten
ANSWER_PATIENCE: Final = 15.0  # seconds


class SupervisorError(Exception):
    """The supervisor does not run, does not answer, or knows no such process."""


@dataclass(frozen=True)
class ProcessState:
    """One process as it is now.

    `waiting` means dead and due to start again after its back-off, `paused` stopped by
    SIGSTOP, `stopped` not wanted. `age` is in seconds; None when there is no process.
    """

    name: str
    pid: int | None
    status: Status
    age: float | None
    restarts: int
    stop_signal: signal.Signals
    patience: float
    is_server: bool

    @property
    def started_at(self) -> float | None:
        """The moment of its start, in seconds of the epoch."""
        return None if self.age is None else time.time() - self.age


@dataclass(frozen=True)
class Supervisor:
    """A client of one platform's supervisor, cheap to make and safe in any thread."""

    endpoint: str

    @classmethod
    def connect(cls, directory: Path | None = None) -> Supervisor:
        """Return the supervisor of a run directory, by default of this process's own.

        Raises SupervisorError when none has run there.
        """
        run = RunDirectory(directory or run_directory())
        endpoint = run.read_state().get("endpoint")
        if endpoint is None:
            raise SupervisorError(f"No platform has run in {run.path}: `python3 manage.py up`.")
        return cls(endpoint)

    def processes(self) -> list[ProcessState]:
        """Return every process, servers first."""
        answer = self._call("processes", patience=2.0)
        return [
            ProcessState(**{**found, "stop_signal": signal.Signals(found["stop_signal"])})
            for found in answer["processes"]
        ]

    def process(self, name: str) -> ProcessState:
        """Return one process by name, or raise SupervisorError when no process has that name."""
        for found in self.processes():
            if found.name == name:
                return found
        raise SupervisorError(f"There is no process {name!r}.")

    def pid(self, name: str) -> int:
        """Return the pid of a live process, or raise SupervisorError when it has none now."""
        pid = self.process(name).pid
        if pid is None:
            raise SupervisorError(f"The process {name!r} is not running.")
        return pid

    def start(self, name: str) -> None:
        """Start a stopped process, and do nothing when it runs."""
        self._call("start", name=name, match="simple", waiting=True)

    def stop(self, name: str) -> None:
        """Stop a process, by force after its patience, and keep it stopped."""
        pid = self.process(name).pid
        if pid is not None:
            send_signal(pid, signal.SIGCONT)
        self._call("stop", name=name, match="simple", waiting=True)

    def restart(self, name: str) -> None:
        """End a process as gently as it allows, so that the supervisor starts it again.

        Returns when the old process is gone. A stopped process is started.
        """
        found = self.process(name)
        if found.status == "stopped":
            self.start(name)
        elif found.pid is not None:
            # Not by circus's own restart, during which it supervises no other process.
            send_signal(found.pid, signal.SIGCONT)
            send_signal(found.pid, found.stop_signal)
            if wait_until_gone([found.pid], patience=found.patience):
                send_signal(found.pid, signal.SIGKILL)
                wait_until_gone([found.pid], patience=found.patience)

    def renew(self, name: str) -> None:
        """Let a process be this revision's from its next start on."""
        self._call("renew", name=name)

    def start_beside(self, name: str, variables: Mapping[str, str]) -> int:
        """Start this revision's process beside the one that runs, and return its pid."""
        pid: int = self._call("renew", name=name, beside=dict(variables))["pid"]
        return pid

    def revert(self, name: str) -> None:
        """Let a process be that of the revision before from its next start on."""
        self._call("revert", name=name)

    def hand_over(self, command: Sequence[str], folder: Path) -> None:
        """Let the supervisor become another one, which takes everything over.

        Raises SupervisorError when it is of a revision that cannot.
        """
        self._call("hand-over", program=list(command), folder=str(folder))

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Send a signal to the process alone, and return the pid that got it."""
        pid = self.pid(name)
        send_signal(pid, number)
        return pid

    def signal_tree(self, name: str, number: signal.Signals) -> list[int]:
        """Signal the process and all its descendants, and return their pids, parents first.

        To pause PostgreSQL, which goes on serving while only its first process is paused.
        """
        pids = list(process_tree(self.pid(name)))
        for pid in pids:
            send_signal(pid, number)
        return pids

    def _call(self, command: str, *, patience: float = ANSWER_PATIENCE, **properties: Any) -> Any:
        """Send one request, and wait while the supervisor is busy with another one."""
        answer = wait_until(
            lambda: self._ask(command, patience=patience, properties=properties),
            holds=lambda answer: not _is_busy(answer),
            within=CONFLICT_PATIENCE,
            every=CONFLICT_RETRY,
        )
        if answer["status"] != "ok":
            raise SupervisorError(f"The supervisor refused `{command}`: {answer.get('reason')}")
        return answer

    def _ask(self, command: str, *, patience: float, properties: dict[str, Any]) -> dict[str, Any]:
        client = CircusClient(endpoint=self.endpoint, timeout=patience)
        try:
            answer: dict[str, Any] = client.send_message(command, **properties)
        except CallError as error:
            raise SupervisorError(
                f"The supervisor does not answer at {self.endpoint}; does the platform run?"
            ) from error
        else:
            return answer
        finally:
            client.stop()


def _is_busy(answer: dict[str, Any]) -> bool:
    return answer["status"] != "ok" and "already running" in str(answer.get("reason"))


def process_tree(pid: int) -> Iterator[int]:
    """Yield the pids of a process and all its descendants, parents first."""
    yield pid
    try:
        tasks = list(Path(f"/proc/{pid}/task").glob("*/children"))
    except OSError:  # it has just ended
        return
    for task in tasks:
        try:
            children = task.read_text().split()
        except OSError:
            continue
        for child in children:
            yield from process_tree(int(child))
