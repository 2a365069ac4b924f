"""The processes that one supervisor leaves to the next, and that go on running meanwhile.

A supervisor of this or a later revision replaces itself: `exec` keeps its pid, so that its
children, its lock and the pipe of `up` stay what they were. See docs/adr/0047-upgrade.md.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil  # type: ignore[import-untyped]
from circus.process import Process as CircusProcess
from circus.watcher import Watcher

from compose.process import Process
from compose.run_directory import RunDirectory, write_private
from compose.supervisor import ProcessState

FILE: Final = "handover.json"


@dataclass(frozen=True)
class Left:
    """A process as the last supervisor has left it. A `pid` of None means that it was dead."""

    name: str
    pid: int | None
    stopped: bool
    is_server: bool


def write(run: RunDirectory, left: Sequence[Left]) -> None:
    """Write down what the next supervisor finds running."""
    write_private(run.path / FILE, json.dumps([vars(one) for one in left], indent=2))


def read(run: RunDirectory) -> dict[str, Left]:
    """Return what the last supervisor has left, by name, and forget it."""
    file = run.path / FILE
    left = [Left(**one) for one in json.loads(file.read_text())]
    file.unlink()
    return {one.name: one for one in left}


def as_left(found: ProcessState) -> Left:
    return Left(found.name, found.pid, found.status == "stopped", found.is_server)


def running(left: Left) -> Process | None:
    """Return what a process runs, by its own word in /proc, or None if that cannot be read."""
    try:
        folder = Path(f"/proc/{left.pid}/cwd").readlink()
    except OSError:
        return None
    command = tuple(words(left.pid, "cmdline"))
    environment = environment_of(left.pid)
    if left.pid is None or not command or not environment:
        return None
    return Process(left.name, command, environment, folder=folder, is_server=left.is_server)


def environment_of(pid: int | None) -> dict[str, str]:
    """Return the environment that a process was started with, empty if it cannot be read."""
    pairs = (word.partition("=") for word in words(pid, "environ"))
    return {name: value for name, equals, value in pairs if equals}


def words(pid: int | None, file: str) -> list[str]:
    """Return the strings of /proc/PID/cmdline or environ, none if it cannot be read."""
    try:
        text = Path(f"/proc/{pid}/{file}").read_bytes()
    except OSError:
        return []
    return [os.fsdecode(word) for word in text.split(b"\0") if word]


class Adopted(psutil.Process):  # type: ignore[misc]  # psutil has no types
    """A running process that another program has started, in the place of circus's own Popen."""

    stdout = stderr = None

    def __init__(self, pid: int) -> None:
        super().__init__(pid)
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return its exit status, or None while it runs. That of a stranger's child is 0."""
        if self.returncode is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:
                gone = not self.is_running() or _is_zombie(self)
                self.returncode = 0 if gone else None
            else:
                self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode


def _is_zombie(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def adopted(watcher: Watcher, pid: int) -> CircusProcess | None:
    """Return circus's view of a running process, or None when it has ended."""
    try:
        worker = Adopted(pid)
    except psutil.NoSuchProcess:
        return None
    if worker.poll() is not None:
        return None
    process = CircusProcess(
        watcher.name, 1, watcher.cmd, args=watcher.args, env=watcher.env, spawn=False
    )
    process._worker = worker  # noqa: SLF001  (circus makes only its own)
    process.started = worker.create_time()
    return process


def replace_supervisor(command: Sequence[str], folder: Path, *, kept: Sequence[int]) -> None:
    """Become the supervisor that a command starts in `folder`, with the descriptors `kept`."""
    for descriptor in kept:
        os.set_inheritable(descriptor, True)
    # A signal that is blocked or ignored stays so.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, signal.valid_signals())
    os.chdir(folder)
    os.execv(command[0], list(command))
