"""The driver of Kubernetes, for a platform that `compose/kubernetes` describes.

There is no cluster where this project is built: the driver was only ever seen to work against
contracts written down from the API's description (tests/chaos/drivers/contracts/), which the real
client library is led through over real HTTP and WebSocket.

Kubernetes has no request for SIGKILL, and none for a pause. So signals are sent from inside, by
exec. The kernel spares PID 1 there, so a process must not be PID 1 of its pod:
`shareProcessNamespace` makes the pod's sandbox that (compose/kubernetes-chaos/), and
CloudNativePG's manager is it already. In a pod without it a kill is a deletion with a grace of 0,
at which the kubelet still allows two seconds, and a pause is refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from chaos.drivers import psql, vault_admin
from chaos.drivers.driver import DriverError
from chaos.drivers.pods import Place, Pod, named
from config.environment import kubernetes_namespace

if TYPE_CHECKING:
    from kubernetes.client import Configuration, CoreV1Api

PATIENCE: Final = 10  # seconds that one request, or one command in a container, may take
OUTPUT, COMPLAINT, OUTCOME = 1, 2, 3  # channels of an exec
SENT: Final = "sending"  # said before the signal, which may end the session with the container
KILLED: Final = 137  # 128 + SIGKILL: the session's own shell went with the container
ERRANDS: Final = frozenset({"prepare"})  # runs once and ends; nothing to break


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a command: `code` is None when the session ended before it was told."""

    code: int | None
    printed: str
    complaint: str


def signalling(signal: str) -> list[str]:
    """The command that signals all it may in its PID namespace: not PID 1, and not itself."""
    # Both dash and busybox take `-1` in this form.
    return ["sh", "-c", f"echo {SENT}; kill -{signal} -1"]


class KubernetesDriver:
    """Carries faults out on the pods of one namespace, as the service account that it runs as.

    A process goes by the name of its Deployment or server; it is all the pods of that.
    `kubeconfig` names a file to log in with instead, outside the cluster.
    """

    name = "kubernetes"

    def __init__(self, kubeconfig: Path | None = None) -> None:
        self._kubeconfig = kubeconfig
        self._namespace = kubernetes_namespace()

    def processes(self) -> list[str]:
        names = {pod.process for pod in self._list("")}
        return sorted(name for name in names if name and name not in ERRANDS)

    def kill(self, process: str) -> str:
        """SIGKILL to all that runs in its pods; the kubelet starts the containers again.

        Or pods are deleted without grace, and their controllers make others.
        """
        pods = self._running(process)
        if not all(pod.takes_signals for pod in pods):
            self._delete(pods, grace=0)
            return f"{named(process, pods)} was deleted without a grace period"
        for pod in pods:
            self._signal(process, pod, "KILL")
        return f"SIGKILL to {named(process, pods)}"

    def pause(self, process: str) -> str:
        """SIGSTOP; a liveness probe that nobody answers ends the pause, and the container."""
        pods = self._running(process)
        for pod in pods:
            self._signal(process, pod, "STOP")
        return f"SIGSTOP to {named(process, pods)}"

    def resume(self, process: str) -> str:
        """SIGCONT to all its pods that could have been paused; it does no harm to the others.

        Where there is no pod nothing is paused: one that was has gone, with its pause.
        """
        found = self._list(Place.of(process).selector)
        pods = [pod for pod in found if pod.runs and pod.takes_signals]
        for pod in pods:
            self._signal(process, pod, "CONT")
        return f"SIGCONT to {named(process, pods)}" if pods else f"{process} was not paused"

    def restart(self, process: str) -> str:
        """Delete its pods with the grace of their own; their controllers make others."""
        pods = self._pods(process)
        self._delete(pods)
        return f"{named(process, pods)} was deleted, and is made anew"

    def ensure_running(self, process: str) -> str:
        """Replace pods whose restart Kubernetes puts off, up to five minutes after crashes."""
        crashed = [pod for pod in self._pods(process) if pod.waits_after_crash]
        if not crashed:
            return f"Kubernetes looks after {process}"
        self._delete(crashed)
        return f"{named(process, crashed)} was waiting after crashes, and is made anew"

    def sql(
        self, database: str, statements: Sequence[str], *, within: str = "postgres"
    ) -> list[tuple[Any, ...]]:
        """By `psql` beside the primary, whose socket trusts its own user; values are text."""
        process = f"postgres-{database}"
        primaries = self._list(f"{Place.of(process).selector},cnpg.io/instanceRole=primary")
        if not primaries:
            raise DriverError(f"{process} has no primary at the moment.")
        command = psql.command(statements, within=within)
        return psql.rows(self._execute(process, primaries[0], command))

    def broker(self, *arguments: str) -> str:
        """On every node of the broker, since alarms and connections are each node's own."""
        command = ["rabbitmqctl", "--quiet", *arguments]
        pods = self._running("rabbitmq")
        return "".join(self._execute("rabbitmq", pod, command) for pod in pods)

    def secrets(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        return vault_admin.ask(method, path, body)

    # ---------------------------------------------------------------- pods

    def _list(self, selector: str) -> list[Pod]:
        """The namespace's pods, but for those on their way out."""
        api = self._api()
        with _told():
            found = api.list_namespaced_pod(
                self._namespace, label_selector=selector, _request_timeout=PATIENCE
            )
        return [pod for pod in map(Pod.of, found.items) if not pod.leaving]

    def _pods(self, process: str) -> list[Pod]:
        found = self._list(Place.of(process).selector)
        if not found:
            raise DriverError(f"There is no process {process!r}.")
        return found

    def _running(self, process: str) -> list[Pod]:
        running = [pod for pod in self._pods(process) if pod.runs]
        if not running:
            raise DriverError(f"No pod of {process} is running.")
        return running

    def _delete(self, pods: Sequence[Pod], grace: int | None = None) -> None:
        """With a grace in seconds, or with what each pod's own description allows it."""
        api = self._api()
        with _told():
            for pod in pods:
                api.delete_namespaced_pod(
                    pod.name,
                    self._namespace,
                    grace_period_seconds=grace,
                    _request_timeout=PATIENCE,
                )

    # ---------------------------------------------------------------- commands in containers

    def _signal(self, process: str, pod: Pod, signal: str) -> None:
        """Send a signal to everything in a pod but PID 1; DriverError when nothing was sent."""
        if not pod.takes_signals:
            raise DriverError(
                f"Kubernetes cannot signal {process}: it is PID 1 of pod {pod.name}, which the "
                "kernel spares. It needs shareProcessNamespace (compose/kubernetes-chaos/)."
            )
        outcome = self._run(process, pod, signalling(signal))
        sent = outcome.printed.startswith(SENT)
        if outcome.code == 0 or (signal == "KILL" and sent and outcome.code in {None, KILLED}):
            return
        raise _failed("kill", pod, outcome)

    def _execute(self, process: str, pod: Pod, command: Sequence[str]) -> str:
        outcome = self._run(process, pod, command)
        if outcome.code != 0:
            raise _failed(command[0], pod, outcome)
        return outcome.printed

    def _run(self, process: str, pod: Pod, command: Sequence[str]) -> Outcome:
        import websocket
        from kubernetes.stream import stream

        # An API object of its own: `stream` changes the one that it is given while it runs.
        api = self._api()
        with _told():
            session = stream(
                api.connect_get_namespaced_pod_exec,
                pod.name,
                self._namespace,
                container=Place.of(process).container,
                command=list(command),
                stdin=False,
                stdout=True,
                stderr=True,
                tty=False,
                _preload_content=False,
            )
        try:
            session.run_forever(timeout=PATIENCE)
        except (websocket.WebSocketException, OSError):
            session.close()  # cut off; what was said before is kept
        if session.is_open():
            session.close()
            raise DriverError(f"{command[0]} in {pod.name}: no end within {PATIENCE} s")
        return Outcome(
            code=_exit_code(session.read_channel(OUTCOME)),
            printed=session.read_channel(OUTPUT),
            complaint=session.read_channel(COMPLAINT),
        )

    # ---------------------------------------------------------------- the client

    def _api(self) -> CoreV1Api:
        configuration = self._configuration
        from kubernetes.client import ApiClient, CoreV1Api

        return CoreV1Api(ApiClient(configuration))

    @cached_property
    def _configuration(self) -> Configuration:
        """Where the API is, and who asks: the pod's service account, or the kubeconfig's user."""
        try:
            import websocket
            from kubernetes import config
            from kubernetes.client import Configuration
        except ImportError as error:
            raise DriverError(
                "Kubernetes' client is not installed: compose/locks/engines.txt has it."
            ) from error
        websocket.setdefaulttimeout(PATIENCE)  # else an exec may connect for ever
        found = Configuration(retries=False)
        # These two are without types in a library that has them.
        login: Any = config
        with _told():
            if self._kubeconfig is None:
                login.load_incluster_config(client_configuration=found)
            else:
                login.load_kube_config(str(self._kubeconfig), client_configuration=found)
        return found


def _exit_code(outcome: str) -> int | None:
    """The exit code in a Status object; None when there is no such object.

    Raises DriverError when the command could not even be started.
    """
    if not outcome:
        return None
    status = json.loads(outcome)
    if status["status"] == "Success":
        return 0
    if status.get("reason") == "NonZeroExitCode":
        return int(status["details"]["causes"][0]["message"])
    raise DriverError(f"Kubernetes: {status.get('message', 'the command was not run')}")


def _failed(command: str, pod: Pod, outcome: Outcome) -> DriverError:
    said = " ".join((outcome.complaint or outcome.printed).split())
    if outcome.code is None:
        said = "the session was cut off"
    said = said or f"exit code {outcome.code}"
    return DriverError(f"{command} in {pod.name}: {said[:300]}")


@contextmanager
def _told() -> Iterator[None]:
    """The API's refusal, or its silence, as a DriverError."""
    from kubernetes.client import ApiException
    from kubernetes.config import ConfigException
    from urllib3.exceptions import HTTPError

    try:
        yield
    except ApiException as error:
        raise DriverError(f"Kubernetes: {_reason(error)}") from error
    except (ConfigException, HTTPError) as error:
        raise DriverError(f"Kubernetes: {error}") from error


def _reason(error: Any) -> str:
    """The API's own words, which it sends as a Status object."""
    try:
        return str(json.loads(error.body)["message"])
    except (ValueError, KeyError, TypeError):
        return f"{error.status} {error.reason}" if error.status else str(error.reason)
