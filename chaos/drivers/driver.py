"""What a driver does for faults: reach any process of the platform, and its servers' own controls.

Three engines have one: the local supervisor, the Docker Engine and Kubernetes. Processes go by
the names of the process table (`compose/processes.py`) everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol


class DriverError(Exception):
    """The engine refused, does not answer, or knows no such process; the message says which."""


class Driver(Protocol):
    """One engine that runs the platform. Every method raises DriverError."""

    name: str

    def processes(self) -> list[str]:
        """The names of all processes that this engine runs."""

    def kill(self, process: str) -> str:
        """End it without a warning (SIGKILL); the engine starts it again. Words: what got it."""

    def pause(self, process: str) -> str:
        """Stop it and all its children in their tracks (SIGSTOP, cgroup freezer)."""

    def resume(self, process: str) -> str:
        """Let a paused process go on; nothing when it was not paused."""

    def restart(self, process: str) -> str:
        """End it as gently as it allows; the engine starts it again."""

    def ensure_running(self, process: str) -> str:
        """Start it if it was stopped and is not wanted to be; nothing when it runs."""

    def sql(
        self, database: str, statements: Sequence[str], *, within: str = "postgres"
    ) -> list[tuple[Any, ...]]:
        """Run statements as the superuser of one database's server, each by itself.

        `within` is the database connected to: the server's maintenance database, which no
        service uses, or the service's own. The value is the rows of the last statement; only
        the local driver knows the types of values, to the others they are text.
        """

    def broker(self, *arguments: str) -> str:
        """Run `rabbitmqctl` with these arguments beside the broker; what it printed."""

    def secrets(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """One request to the secrets server's API with its root token, such as `sys/seal`."""
