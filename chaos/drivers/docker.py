"""The driver of the Docker Engine, for a platform that Compose runs.

There is no Engine where this project is built. The driver has only been tested with the
real client library over real HTTP, against contracts written down from the Engine's API
description (tests/chaos/drivers/contracts/).
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import requests

from chaos.drivers import psql, vault_admin
from chaos.drivers.driver import DriverError
from config.environment import approle_file, compose_project
from config.waiting import wait_until

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

PATIENCE: Final = 10  # seconds that one request may take
LOOK: Final = 0.05  # seconds between two queries on a command that is about to end
GRACE: Final = 30  # seconds: no service of compose.yaml has longer to stop
ERRANDS: Final = frozenset({"prepare"})  # runs once and ends; nothing to break
STARTABLE: Final = frozenset({"created", "exited", "dead"})
# A frame of an exec's stream: a byte for the output, three unused ones, and a length.
FRAME: Final = struct.Struct(">BxxxL")
STDOUT: Final = 1


class DockerDriver:
    """Carries faults out on the containers of one Compose project.

    A process has the name of its Compose service. If that is scaled, the process is all its
    containers.
    """

    name = "docker"

    def processes(self) -> list[str]:
        services = {found.attrs["Labels"]["com.docker.compose.service"] for found in self._list()}
        return sorted(services - ERRANDS)

    def kill(self, process: str) -> str:
        """Kill the containers with SIGKILL, and start them again.

        The Engine takes a kill for a stop by hand, and starts nothing again, under any restart
        policy. If this process dies in between, `ensure_running` starts the container.
        """
        containers = self._containers(process)
        with _told():
            for container in containers:
                container.kill()
                container.start()
        return f"SIGKILL to {_named(process, containers)}, and it was started again"

    def pause(self, process: str) -> str:
        containers = self._containers(process)
        with _told():
            for container in containers:
                if container.status != "paused":
                    container.pause()
        return f"the freezer holds {_named(process, containers)}"

    def resume(self, process: str) -> str:
        paused = [found for found in self._containers(process) if found.status == "paused"]
        if not paused:
            return f"{process} was not paused any more"
        with _told():
            for container in paused:
                container.unpause()
        return f"the freezer let {_named(process, paused)} go"

    def restart(self, process: str) -> str:
        containers = self._containers(process)
        with _told():
            for container in containers:
                container.restart(timeout=GRACE)
        return f"{_named(process, containers)} was told to end, and was started again"

    def ensure_running(self, process: str) -> str:
        stopped = [found for found in self._containers(process) if found.status in STARTABLE]
        if not stopped:
            return f"the Docker Engine looks after {process}"
        with _told():
            for container in stopped:
                container.start()
        return f"{_named(process, stopped)} was started"

    def sql(
        self, database: str, statements: Sequence[str], *, within: str = "postgres"
    ) -> list[tuple[Any, ...]]:
        """Run statements by `psql` in the server's container, which trusts its own socket.

        Values are text.
        """
        (server, *_) = self._containers(f"postgres-{database}")
        return psql.rows(self._execute(server, psql.command(statements, within=within)))

    def broker(self, *arguments: str) -> str:
        (broker, *_) = self._containers("rabbitmq")
        return self._execute(broker, ["rabbitmqctl", "--quiet", *arguments])

    def secrets(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        return vault_admin.ask(method, path, body, approle=approle_file(vault_admin.IDENTITY))

    @cached_property
    def _client(self) -> DockerClient:
        """The client of the Engine that DOCKER_HOST names, by default this machine's socket."""
        try:
            import docker
        except ImportError as error:
            raise DriverError(
                "The Docker Engine's client is not installed: compose/locks/engines.txt has it."
            ) from error
        with _told():
            return docker.from_env(timeout=PATIENCE)

    def _list(self, *labels: str) -> list[Container]:
        """Return the project's containers in any state, without those of `docker compose run`."""
        wanted = [
            f"com.docker.compose.project={compose_project()}",
            "com.docker.compose.oneoff=False",
            *labels,
        ]
        client = self._client
        with _told():
            # Sparse: the list is enough, and no container can vanish before a second query.
            return client.containers.list(all=True, sparse=True, filters={"label": wanted})

    def _containers(self, process: str) -> list[Container]:
        found = self._list(f"com.docker.compose.service={process}")
        if not found:
            raise DriverError(f"There is no process {process!r}.")
        return found

    def _execute(self, container: Container, command: Sequence[str]) -> str:
        """Run a command inside a container, and return its output.

        Raises DriverError with the command's last words if it failed. The start is posted by
        hand, for two reasons. The library asks to upgrade the connection, and then bypasses the
        buffer that may already hold the first output. And it waits for ever, also when the
        container is frozen meanwhile.
        """
        engine = self._client.api
        with _told():
            made = engine.exec_create(container.id, list(command))["Id"]
            answer = engine.post(
                f"{engine.base_url}/v{engine.api_version}/exec/{made}/start",
                json={"Detach": False, "Tty": False},
                timeout=PATIENCE,
            )
            if not answer.ok:
                raise DriverError(_reason(answer))
            code = self._exit_code(made)
        printed, complaint = _outputs(answer.content)
        if code != 0:
            said = " ".join((complaint or printed).split()) or f"exit code {code}"
            raise DriverError(f"{command[0]} in container {container.short_id}: {said[:300]}")
        return printed

    def _exit_code(self, command: str) -> int | None:
        """Return a command's exit code.

        The Engine may know it only a moment after the end of the output.
        """
        found: dict[str, Any] = wait_until(
            lambda: self._client.api.exec_inspect(command),
            holds=lambda found: not found["Running"],
            within=PATIENCE,
            every=LOOK,
            failure=DriverError(f"the Docker Engine: no end of a command within {PATIENCE} s"),
        )
        code: int | None = found["ExitCode"]
        return code


def _outputs(stream: bytes) -> tuple[str, str]:
    """Return both outputs of a command, from the frames of its stream."""
    printed, complaint = bytearray(), bytearray()
    at = 0
    while at + FRAME.size <= len(stream):
        output, length = FRAME.unpack_from(stream, at)
        at += FRAME.size
        (printed if output == STDOUT else complaint).extend(stream[at : at + length])
        at += length
    return printed.decode(errors="replace"), complaint.decode(errors="replace")


def _named(process: str, containers: Sequence[Container]) -> str:
    ids = ", ".join(str(container.short_id) for container in containers)
    return f"{process} ({'container' if len(containers) == 1 else 'containers'} {ids})"


def _reason(answer: requests.Response) -> str:
    """Return the Engine's own message, which it sends as `{"message": …}`."""
    try:
        return f"the Docker Engine: {answer.json()['message']}"
    except (ValueError, KeyError, TypeError):
        return f"the Docker Engine: {answer.status_code} {answer.reason}"


@contextmanager
def _told() -> Iterator[None]:
    """Raise DriverError for the Engine's refusal, or when it does not answer."""
    from docker.errors import APIError, DockerException

    try:
        yield
    except APIError as error:
        raise DriverError(f"the Docker Engine: {error.explanation or error}") from error
    except (DockerException, requests.RequestException, json.JSONDecodeError) as error:
        raise DriverError(f"the Docker Engine: {error}") from error
