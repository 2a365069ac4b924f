"""The kind of process that a name stands for, and the service it belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cluster.health.observer.snapshot import Kind
from compose.replicas import worker_names
from config.environment import DATABASES

KINDS: Final[dict[str, Kind]] = {
    "rabbitmq": "broker",
    "redis": "cache",
    "openbao": "secrets",
    "web": "web",
    "payments-gateway": "gateway",
    "provider": "provider",
    "beat": "beat",
    "observer": "observer",
    "watchdog": "watchdog",
    "chaos-runner": "runner",
}
PREFIXES: Final[dict[str, Kind]] = {
    "postgres": "database",
    "worker": "worker",
    "relay": "relay",
}
# Processes that are not named after their service. The provider stands for another company.
OWNERS: Final = {"web": "site", "beat": "site", "payments-gateway": "payments"}


def kind_of(process: str) -> Kind:
    """Return the kind of a process, "other" for one without a probe."""
    prefix, dash, _ = process.partition("-")
    if dash and prefix in PREFIXES:
        return PREFIXES[prefix]
    return KINDS.get(process, "other")


def service_of(process: str) -> str | None:
    """Return the service that a process belongs to, None for one that all share."""
    prefix, dash, rest = process.partition("-")
    if dash and prefix in PREFIXES:
        service = rest.split("-")[0]  # a replica is called worker-orders-2
        return service if service in DATABASES else None
    return OWNERS.get(process)


def expected_processes() -> list[str]:
    """Return every process that can be probed, for where no supervisor names them."""
    return list(_expected())


def _expected() -> Iterator[str]:
    yield from ("rabbitmq", *(f"postgres-{name}" for name in DATABASES), "redis", "openbao")
    for name in DATABASES:
        yield from worker_names(name)
    yield from (f"relay-{name}" for name in DATABASES)
    yield from (
        "payments-gateway",
        "provider",
        "beat",
        "web",
        "observer",
        "watchdog",
        "chaos-runner",
    )
