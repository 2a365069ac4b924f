"""The driver of Kubernetes, for a platform that `compose/kubernetes` describes.

There is no cluster where this project is built. The driver has only been tested with the
real client library over real HTTP and WebSocket, against contracts written down from the
API's description (tests/chaos/drivers/contracts/).

Kubernetes has no request for SIGKILL, and none for a pause, so the driver sends signals
from inside the pod, by exec. The kernel spares PID 1 there, so a process must not be PID
1 of its pod: `shareProcessNamespace` gives PID 1 to the pod's sandbox
(compose/kubernetes-chaos/), and in CloudNativePG's pods its manager has it already. In a
pod without it a kill is a deletion with a grace of 0, at which the kubelet still allows
two seconds, and a pause is refused.
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
from config.environment import approle_file, kubernetes_namespace

if TYPE_CHECKING:
    from kubernetes.client import Configuration, CoreV1Api

PATIENCE: Final = 10  # seconds that one request, or one command in a container, may take
OUTPUT, COMPLAINT, OUTCOME = 1, 2, 3  # channels of an exec
SENT: Final = "sending"  # printed before the signal, which may end the session with the container
KILLED: Final = 137  # 128 + SIGKILL: the session's own shell ended with the container
ERRANDS: Final = frozenset({"prepare"})  # runs once and ends; nothing to break


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of a command, with `code` None when the session ended before the code came."""

    code: int | None
    printed: str
    complaint: str


def signalling(signal: str) -> list[str]:
    """Return the command that signals all it may: not PID 1 of its namespace, and not itself."""
    # Both dash and busybox take `-1` in this form.
    return ["sh", "-c", f"echo {SENT}; kill -{signal} -1"]


class KubernetesDriver:
    """Carries faults out on the pods of one namespace, as the service account of this process.

    A process has the name of its Deployment or server, and is all the pods of that.
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
        """Send SIGKILL to all processes in its pods. The kubelet starts the containers again.

        Where a pod takes no signals, all are deleted without grace, and their controllers make
        new ones.
        """
        pods = self._running(process)
        if not all(pod.takes_signals for pod in pods):
            self._delete(pods, grace=0)
            return f"{named(process, pods)} was deleted without a grace period"
        for pod in pods:
            self._signal(process, pod, "KILL")
        return f"SIGKILL to {named(process, pods)}"

    def pause(self, process: str) -> str:
        """Pause its pods with SIGSTOP.

        A liveness probe without an answer ends the pause, and the container.
        """
        pods = self._running(process)
        for pod in pods:
            self._signal(process, pod, "STOP")
        return f"SIGSTOP to {named(process, pods)}"

    def resume(self, process: str) -> str:
        """Send SIGCONT to all its pods that can be paused, also to those that were not.

        Without a pod nothing is paused: a paused pod that is gone took its pause with it.
        """
        found = self._list(Place.of(process).selector)
        pods = [pod for pod in found if pod.runs and pod.takes_signals]
        for pod in pods:
            self._signal(process, pod, "CONT")
        return f"SIGCONT to {named(process, pods)}" if pods else f"{process} was not paused"

    def restart(self, process: str) -> str:
        """Delete its pods with their own grace period.

        Their controllers make new ones.
        """
        pods = self._pods(process)
        self._delete(pods)
        return f"{named(process, pods)} was deleted, and is made anew"

    def ensure_running(self, process: str) -> str:
        """Replace pods whose restart Kubernetes delays, by up to five minutes after crashes."""
        crashed = [pod for pod in self._pods(process) if pod.waits_after_crash]
        if not crashed:
            return f"Kubernetes looks after {process}"
        self._delete(crashed)
        return f"{named(process, crashed)} was waiting after crashes, and is made anew"

    def sql(
        self, database: str, statements: Sequence[str], *, within: str = "postgres"
    ) -> list[tuple[Any, ...]]:
        """Run statements by `psql` beside the primary, whose socket trusts its own user.

        Values are text.
        """
        process = f"postgres-{database}"
        primaries = self._list(f"{Place.of(process).selector},cnpg.io/instanceRole=primary")
        if not primaries:
            raise DriverError(f"{process} has no primary at the moment.")
        command = psql.command(statements, within=within)
        return psql.rows(self._execute(process, primaries[0], command))

    def broker(self, *arguments: str) -> str:
        """Run `rabbitmqctl` on every node, as alarms and connections belong to single nodes."""
        command = ["rabbitmqctl", "--quiet", *arguments]
        pods = self._running("rabbitmq")
        return "".join(self._execute("rabbitmq", pod, command) for pod in pods)

    def secrets(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        return vault_admin.ask(method, path, body, approle=approle_file(vault_admin.IDENTITY))

    # ---------------------------------------------------------------- pods

    def _list(self, selector: str) -> list[Pod]:
        """Return the namespace's pods, except those that are being deleted."""
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
        """Delete pods with a grace in seconds, or with the grace of each pod's description."""
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
        """Send a signal to every process in a pod but PID 1.

        Raises DriverError when nothing was sent.
        """
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

        # A separate API object, since `stream` changes its object while it runs.
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
            session.close()  # cut off: the output so far is kept
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
        """The API's address and the login: the pod's service account, or the kubeconfig's user."""
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
        # The library has no types for these two functions.
        login: Any = config
        with _told():
            if self._kubeconfig is None:
                login.load_incluster_config(client_configuration=found)
            else:
                login.load_kube_config(str(self._kubeconfig), client_configuration=found)
        return found


def _exit_code(outcome: str) -> int | None:
    """Return the exit code in a Status object, or None when there is no such object.

    Raises DriverError when the command could not be started.
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
    """Raise DriverError for the API's refusal, or when it does not answer."""
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
    """Return the API's own message, which it sends as a Status object."""
    try:
        return str(json.loads(error.body)["message"])
    except (ValueError, KeyError, TypeError):
        return f"{error.status} {error.reason}" if error.status else str(error.reason)
