"""The pods of a process: where to find them, and the facts that the Kubernetes driver needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from config.environment import DATABASES

if TYPE_CHECKING:
    from kubernetes.client import V1ContainerState, V1Pod

POSTGRES: Final = frozenset(f"postgres-{name}" for name in DATABASES)
CRASHED: Final = "CrashLoopBackOff"


@dataclass(frozen=True, slots=True)
class Place:
    """The labels of a process's pods, and its container in each of them."""

    selector: str
    container: str

    @classmethod
    def of(cls, process: str) -> Place:
        if process in POSTGRES:
            return cls(f"cnpg.io/cluster={process},cnpg.io/podRole=instance", "postgres")
        if process == "rabbitmq":
            return cls("app.kubernetes.io/name=rabbitmq", process)
        if process in {"redis", "openbao"}:
            return cls(f"app={process}", process)
        return cls(f"app={process}", "platform")


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod as the API describes it, with `process` None when it belongs to no process."""

    name: str
    process: str | None
    runs: bool
    waits_after_crash: bool
    takes_signals: bool  # its process is not PID 1, which the kernel spares
    leaving: bool

    @classmethod
    def of(cls, found: V1Pod) -> Pod:
        labels = (found.metadata and found.metadata.labels) or {}
        states = _states(found)
        shared = bool(found.spec and found.spec.share_process_namespace)
        return cls(
            name=str(found.metadata and found.metadata.name),
            process=_process(labels),
            runs=any(state.running is not None for state in states),
            waits_after_crash=any(
                state.waiting is not None and state.waiting.reason == CRASHED for state in states
            ),
            takes_signals=shared or _process(labels) in POSTGRES,
            leaving=bool(found.metadata and found.metadata.deletion_timestamp),
        )


def named(process: str, pods: Sequence[Pod]) -> str:
    names = ", ".join(pod.name for pod in pods)
    return f"{process} ({'pod' if len(pods) == 1 else 'pods'} {names})"


def _process(labels: Mapping[str, str]) -> str | None:
    if labels.get("cnpg.io/podRole") == "instance":
        return labels.get("cnpg.io/cluster")
    if labels.get("app.kubernetes.io/name") == "rabbitmq":
        return "rabbitmq"
    return labels.get("app")


def _states(found: V1Pod) -> list[V1ContainerState]:
    statuses = (found.status and found.status.container_statuses) or []
    return [status.state for status in statuses if status.state is not None]
