"""What the files for Compose and Kubernetes declare, and what the code asks of them.

The files cannot be run here, so tests compare them (docs/adr/0009-roads-to-more-machines.md).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from compose.servers.postgres import address_name
from config.environment import DATABASES, ROOT

CONTAINERS = ROOT / "compose" / "containers"
KUBERNETES = ROOT / "compose" / "kubernetes"
CHAOS = ROOT / "compose" / "kubernetes-chaos"
COMPOSE_FILE: dict[str, Any] = yaml.safe_load((CONTAINERS / "compose.yaml").read_text())

SERVERS = {*(f"postgres-{name}" for name in DATABASES), "rabbitmq", "redis", "openbao", "unsealer"}
# The processes that reach the engine below the platform, where the operator allows it.
BREAKERS = {"watchdog", "chaos-runner"}


@cache
def asked_for() -> Mapping[str, bool]:
    """Return each variable that the code reads, and whether it has a default."""
    found = {address_name(name): False for name in DATABASES} | {"PORTFOLIO_RUN_DIR": True}
    for package in ("cluster", "compose", "config", "chaos", "portfolio"):
        for path in (ROOT / package).rglob("*.py"):
            for call in ast.walk(ast.parse(path.read_text())):
                if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("setting"):
                    match call.args:
                        case [ast.Constant(value=str(name)), *rest]:
                            found[name] = found.get(name, False) or bool(rest)
    return found


def needed() -> set[str]:
    return {name for name, has_default in asked_for().items() if not has_default}


def read(path: Path) -> list[Any]:
    return [part for part in yaml.safe_load_all(path.read_text()) if part]


@cache
def manifests() -> list[dict[str, Any]]:
    """Return every object of the Kustomization as its files declare it, without patches."""
    kustomization = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())
    return [part for name in kustomization["resources"] for part in read(KUBERNETES / name)]


def of_kind(kind: str) -> dict[str, dict[str, Any]]:
    return {found["metadata"]["name"]: found for found in manifests() if found["kind"] == kind}


def deployed() -> dict[str, dict[str, Any]]:
    """Return the Deployments of our own processes."""
    return {
        name: found
        for name, found in of_kind("Deployment").items()
        if found["metadata"].get("labels") == {"platform": "process"}
    }


@cache
def common() -> dict[str, Any]:
    """Return the pod of the patch that all those Deployments get."""
    patch = yaml.safe_load((KUBERNETES / "services" / "every-process.yaml").read_text())
    pod: dict[str, Any] = patch["spec"]["template"]["spec"]
    return pod


def container(deployment: Mapping[str, Any]) -> dict[str, Any]:
    (only,) = deployment["spec"]["template"]["spec"]["containers"]
    assert only["name"] == common()["containers"][0]["name"]  # else the patch adds another one
    return dict(only)


def addresses() -> dict[str, str]:
    """Return the environment variables that every pod gets."""
    (source,) = common()["containers"][0]["envFrom"]
    found: dict[str, str] = of_kind("ConfigMap")[source["configMapRef"]["name"]]["data"]
    return found


def environments() -> dict[str, dict[str, str]]:
    """Return the environment of each process, in Compose and on Kubernetes."""
    found = {
        f"compose {name}": service["environment"]
        for name, service in COMPOSE_FILE["services"].items()
        if name not in SERVERS
    }
    for name, deployment in deployed().items():
        own = {variable["name"]: variable["value"] for variable in container(deployment)["env"]}
        found[f"kubernetes {name}"] = addresses() | own
    return found


def values(part: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every scalar of a document with the path of names that leads to it."""
    if isinstance(part, dict):
        for key, value in part.items():
            yield from values(value, f"{path}.{key}")
    elif isinstance(part, list):
        for value in part:
            yield from values(value, path)
    else:
        yield path, part
