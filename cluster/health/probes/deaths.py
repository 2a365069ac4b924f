"""The deaths of processes, which the supervisor announces in the moment they happen.

The supervisor starts a dead process again within milliseconds. A probe that only asks now
and then sees another pid and not the death.
Source: https://circus.readthedocs.io/en/latest/for-devs/writing-plugins/ (events `reap`, `stop`)
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import zmq

from compose.run_directory import RunDirectory
from config.environment import run_directory

DEATH: Final = "reap"


@dataclass(frozen=True, slots=True)
class Death:
    """The end of a process at `at` (seconds of the epoch). An `exit_code` below 0 is a signal."""

    process: str
    pid: int
    at: float
    exit_code: int | None


class Announcements:
    """A subscription to the supervisor of this process's run directory. For one thread."""

    def __init__(self) -> None:
        self._socket: Any = None
        self._endpoint: str | None = None

    def wait(self, seconds: float) -> list[Death]:
        """Return the deaths announced until now, and wait up to `seconds` for a first one.

        Empty, too, where there is no supervisor. The socket reconnects by itself.
        """
        if not self._subscribed():
            return []
        found: list[Death] = []
        while self._socket.poll(0 if found else 1000 * seconds):
            death = read_announcement(self._socket.recv_multipart())
            if death is not None:
                found.append(death)
        return found

    @property
    def subscribed(self) -> bool:
        return self._socket is not None

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close(linger=0)
            self._socket = None

    def _subscribed(self) -> bool:
        endpoint = RunDirectory(run_directory()).read_state().get("announcements")
        if endpoint != self._endpoint:
            self.close()
            self._endpoint = endpoint
        if self._socket is None and endpoint is not None:
            self._socket = zmq.Context.instance().socket(zmq.SUB)
            self._socket.setsockopt(zmq.SUBSCRIBE, b"watcher.")
            self._socket.connect(endpoint)
        return self._socket is not None


def read_announcement(frames: list[bytes]) -> Death | None:
    """Return the death that a message announces, or None for every other announcement."""
    topic = frames[0].decode()
    _, _, rest = topic.partition(".")
    name, _, what = rest.rpartition(".")
    if what != DEATH:
        return None
    told: dict[str, Any] = {}
    with suppress(ValueError, IndexError):
        told = json.loads(frames[1])
    if "process_pid" not in told or "time" not in told:
        return None
    return Death(name, told["process_pid"], told["time"], told.get("exit_code"))


def cause_of(exit_code: int | None, *, stop_signal: int | None = None) -> str:
    """Return in words how a process ended. An end by its stop signal is a restart."""
    if exit_code is None:
        return "exited"
    if exit_code == 0 or (stop_signal is not None and exit_code == -stop_signal):
        return "restarted"
    if exit_code < 0:
        return f"killed by signal {-exit_code}"
    return f"exited with {exit_code}"
