"""The interface of a driver, by which faults reach processes and servers, and its choice.

Three engines have one: the local supervisor, the Docker Engine and Kubernetes. Processes
have the names of the process table (`compose/processes.py`) everywhere. The setting CHAOS_DRIVER
chooses, by default the local supervisor.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from compose.errors import Misuse
from config.environment import chaos_driver

# By name, not imported: a container engine's client is loaded only where it is used.
DRIVERS: Final[Mapping[str, str]] = {
    "local": "chaos.drivers.local:LocalDriver",
    "docker": "chaos.drivers.docker:DockerDriver",
    "kubernetes": "chaos.drivers.kubernetes:KubernetesDriver",
}


class DriverError(Exception):
    """The engine refused, does not answer, or knows no such process. The message says which."""


class Driver(Protocol):
    """One engine that runs the platform. Every method raises DriverError."""

    name: str

    def processes(self) -> list[str]:
        """Return the names of all processes that this engine runs."""

    def kill(self, process: str) -> str:
        """Kill the process with SIGKILL, and return in words what was killed.

        The engine starts it again.
        """

    def pause(self, process: str) -> str:
        """Suspend it and all its children (SIGSTOP, cgroup freezer)."""

    def resume(self, process: str) -> str:
        """Let a paused process continue, or do nothing when it was not paused."""

    def restart(self, process: str) -> str:
        """End the process as gently as it allows.

        The engine starts it again.
        """

    def ensure_running(self, process: str) -> str:
        """Start the process if it is stopped and should run, or do nothing when it runs."""

    def sql(
        self, database: str, statements: Sequence[str], *, within: str = "postgres"
    ) -> list[tuple[Any, ...]]:
        """Run statements as the superuser of one database's server, each by itself.

        Returns the rows of the last statement. `within` is the database to connect to: the
        server's maintenance database, which no service uses, or the service's own. Only the local
        driver knows the types of values; the others return text.
        """

    def broker(self, *arguments: str) -> str:
        """Run `rabbitmqctl` with these arguments beside the broker, and return its output."""

    def secrets(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Send one request to the secrets server's API as the runner may, such as `sys/seal`."""


def choose_driver() -> Driver:
    """Return the driver that the settings name.

    Raises Misuse for an unknown name.
    """
    name = chaos_driver()
    if name not in DRIVERS:
        raise Misuse(f"CHAOS_DRIVER is {name!r}; there is: {', '.join(DRIVERS)}.")
    make: Callable[[], Driver] = pkgutil.resolve_name(DRIVERS[name])
    return make()
