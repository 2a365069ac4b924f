"""Circus with the platform's own rules for restarting and stopping processes.

Circus gives up or spins on a process that keeps dying, starts it again only at its
next periodic check, and stops everything at once. Here SIGCHLD announces a death, the
delay grows with each early death but a restart always follows, and stopping follows
the phases of `compose.process`. See docs/adr/0002-supervisor.md.
"""

from __future__ import annotations

import signal
import time
from asyncio import Future
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any, Final

from circus.arbiter import Arbiter
from circus.commands.base import Command
from circus.exc import ConflictError
from circus.watcher import Watcher
from tornado import gen
from tornado.ioloop import IOLoop

from compose import handover
from compose.leftovers import send_signal
from compose.process import LONGEST_DELAY, Backoff, Process

# exec: the pid that the supervisor has is the real process's, and its log is a plain
# file, so that neither depends on the supervisor's life.
LAUNCH: Final = 'exec "$@" >>"$0" 2>&1 </dev/null'
CONFLICT_RETRY: Final = 0.02  # seconds; circus does one thing at a time
ANSWER_LEAVES_WITHIN: Final = 0.1  # seconds


class PatientWatcher(Watcher):  # type: ignore[misc]
    """Keeps one process alive for ever, with a growing delay after early deaths."""

    def __init__(
        self, process: Process, *, environment: Mapping[str, str], log: Path, autostart: bool
    ) -> None:
        super().__init__(
            process.name, "/bin/sh", env=dict(environment), autostart=autostart, singleton=True
        )
        self._log = log
        self._wanted = process, {**environment, **process.environment}
        self._earlier: tuple[Process, dict[str, str]] | None = None
        self._run_as(*self._wanted)
        self.backoff = Backoff()
        self.spawns = 0
        self.spawned_at = 0.0  # monotonic seconds
        self.due: float | None = None  # when a dead process may start again, monotonic seconds

    def _run_as(self, process: Process, environment: Mapping[str, str]) -> None:
        """Let the next start be that of this process."""
        self.process = process
        self.args = ["-c", LAUNCH, str(self._log), *process.command]
        self.env = dict(environment)
        self.working_dir = str(process.folder)
        self.stop_signal = process.stop_signal
        self.graceful_timeout = process.patience

    def adopt(self, left: handover.Left) -> None:
        """Take over what the last supervisor has left, and start it again as it was, if it dies.

        Until `renew`: the next revision's process takes its place only when the upgrade says so.
        """
        if left.stopped:
            self.autostart = False
            return
        found = None if left.pid is None else handover.adopted(self, left.pid)
        if found is None:
            return
        self.processes[left.pid] = found
        self._status = "active"
        self.spawned_at = time.monotonic() - (time.time() - found.started)
        self.spawns = 1
        earlier = handover.running(left)
        if earlier is not None and not self.process.is_server:
            self._earlier = earlier, dict(earlier.environment)
            self._run_as(*self._earlier)

    def renew(self, *, beside: Mapping[str, str] | None) -> int | None:
        """Let the next start be that of this revision.

        With `beside` it is started now, in an environment with these variables, beside the one that
        runs. Returns its pid then.
        """
        self._run_as(*self._wanted)
        if beside is None:
            return None
        self.env = {**self.env, **beside}
        self.spawn_process()
        self._run_as(*self._wanted)
        return next(reversed(self.processes), None)

    def revert(self) -> None:
        """Let the next start be that of the revision before."""
        if self._earlier is not None:
            self._run_as(*self._earlier)

    def spawn_process(self, recovery_wid: int | None = None) -> Any:
        self.spawned_at = time.monotonic()
        self.due = None
        self.spawns += 1
        return super().spawn_process(recovery_wid)

    @gen.coroutine
    def manage_processes(self) -> Generator[Any, Any, None]:
        """Check once: start the process again if it is dead and its delay is over."""
        if not self.is_active():
            return
        for process in list(self.processes.values()):
            if not process.is_alive():
                self.reap_process(process.pid)
        if self.processes:
            return
        now = time.monotonic()
        if self.due is None:
            self.due = now + self.backoff.delay_after(now - self.spawned_at)
        if now < self.due:
            self.arbiter.check_again_in(self.due - now)
        elif self.spawn_process() is False:  # no fork was possible: memory or process limit
            self.due = now + LONGEST_DELAY
        yield gen.moment

    def report(self) -> dict[str, Any]:
        """Return the fields of a `compose.supervisor.ProcessState`."""
        pid = next(iter(self.processes), None)
        return {
            "name": self.name,
            "pid": pid,
            "status": self._status_word(pid),
            "age": None if pid is None else time.monotonic() - self.spawned_at,
            "restarts": max(0, self.spawns - 1),
            "stop_signal": int(self.process.stop_signal),
            "patience": self.process.patience,
            "is_server": self.process.is_server,
        }

    def _status_word(self, pid: int | None) -> str:
        if self.is_stopped() or self.is_stopping():
            return str(self.status())
        if pid is None:
            return "waiting"
        return "paused" if _is_paused(pid) else "running"


class PatientArbiter(Arbiter):  # type: ignore[misc]
    """The arbiter, which checks its watchers whenever a child dies, and stops them in order."""

    def __init__(
        self,
        watchers: list[PatientWatcher],
        *,
        endpoint: str,
        events: str,
        hand_over: Callable[[list[str], Path], None],
    ) -> None:
        self.hand_over = hand_over
        # The periodic check is a backstop for a SIGCHLD that came too early.
        super().__init__(watchers, endpoint, events, check_delay=1.0, loop=IOLoop.current())

    def manage_watchers(self) -> Any:
        """Reap and restart what has died, now or as soon as circus is free."""
        nothing: Future[None] = Future()
        nothing.set_result(None)
        if self._stopping:
            return nothing
        try:
            return super().manage_watchers()
        except ConflictError:
            self.loop.call_later(CONFLICT_RETRY, self.manage_watchers)
            return nothing

    def left(self) -> list[handover.Left]:
        """Return its processes for the next supervisor."""
        return [
            handover.Left(
                name=watcher.name,
                pid=next(iter(watcher.processes), None),
                stopped=watcher.is_stopped(),
                is_server=watcher.process.is_server,
            )
            for watcher in self.watchers
        ]

    def check_again_in(self, delay: float) -> None:
        self.loop.call_later(delay, self.manage_watchers)

    def when_free(self, command: Callable[[], Any]) -> None:
        """Run a command of circus that it refuses while another one runs."""
        try:
            command()
        except ConflictError:
            self.loop.call_later(CONFLICT_RETRY, self.when_free, command)

    @gen.coroutine
    def _stop_watchers(
        self,
        close_output_streams: bool = False,
        watcher_iter_func: Callable[..., list[PatientWatcher]] | None = None,
    ) -> Generator[Any, Any, None]:
        chosen = (watcher_iter_func or self.iter_watchers)()
        for watcher in chosen:
            for pid in watcher.processes:
                send_signal(pid, signal.SIGCONT)  # a paused process receives no stop signal
        slow = [_stop(watcher, close_output_streams) for watcher in chosen if _is_slow(watcher)]
        quick = [watcher for watcher in chosen if not _is_slow(watcher)]
        for phase in sorted({watcher.process.stop_phase for watcher in quick}):
            together = [watcher for watcher in quick if watcher.process.stop_phase == phase]
            yield gen.multi([_stop(watcher, close_output_streams) for watcher in together])
        yield gen.multi(slow)


class Processes(Command):  # type: ignore[misc]
    """Report on every process in one answer."""

    name = "processes"

    def execute(self, arbiter: PatientArbiter, _properties: Mapping[str, Any]) -> dict[str, Any]:
        return {"processes": [watcher.report() for watcher in arbiter.watchers]}


class Renew(Command):  # type: ignore[misc]
    """Let a process be this revision's from its next start on, or `beside` the one that runs."""

    name = "renew"
    properties = ("name",)

    def execute(self, arbiter: PatientArbiter, asked: Mapping[str, Any]) -> dict[str, Any]:
        watcher = self._get_watcher(arbiter, asked["name"])
        return {"pid": watcher.renew(beside=asked.get("beside"))}


class Revert(Command):  # type: ignore[misc]
    """Let a process be that of the revision before from its next start on."""

    name = "revert"
    properties = ("name",)

    def execute(self, arbiter: PatientArbiter, asked: Mapping[str, Any]) -> dict[str, Any]:
        self._get_watcher(arbiter, asked["name"]).revert()
        return {}


class HandOver(Command):  # type: ignore[misc]
    """Become another supervisor, by a command in a folder. It takes everything over."""

    name = "hand-over"
    properties = ("program", "folder")

    def execute(self, arbiter: PatientArbiter, asked: Mapping[str, Any]) -> dict[str, Any]:
        # Once this answer has left.
        arbiter.loop.call_later(
            ANSWER_LEAVES_WITHIN, arbiter.hand_over, asked["program"], Path(asked["folder"])
        )
        return {}


def _is_slow(watcher: PatientWatcher) -> bool:
    return watcher.process.slow_to_stop


def _stop(watcher: PatientWatcher, close_output_streams: bool) -> Any:
    return watcher._stop(close_output_streams)  # noqa: SLF001  (what circus's own method calls)


def _is_paused(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return status in ("T", "t")
