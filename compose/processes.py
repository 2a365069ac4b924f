"""The table of everything that runs, and the addresses at which it is found."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Protocol

from compose import outside
from compose.backups import settings
from compose.process import Process
from compose.replicas import parse_replicas, worker_names
from compose.run_directory import RunDirectory
from compose.servers.openbao import SECRET_ID_TTL, OpenBao, Unsealer
from compose.servers.postgres import Postgres, address_name
from compose.servers.rabbitmq import Epmd, RabbitMQ
from compose.servers.redis import Redis
from config.environment import DATABASES
from config.fault_routes import LINKS

# The platform's own processes beside the workers: name, module, arguments, Vault identity.
SERVICES: Final = (
    *((f"relay-{name}", "cluster.relay", (name,), name) for name in DATABASES),
    ("payments-gateway", "cluster.payments.gateway", (), "payments"),
    ("provider", "cluster.payments.sandbox", (), "provider"),
    ("beat", "cluster.beat", (), "site"),
    ("web", "portfolio.server", (), "web"),
    ("observer", "cluster.health.observer", (), "observer"),
    ("watchdog", "chaos.watchdog", (), "watchdog"),
    ("chaos-runner", "chaos.runner", (), "runner"),
    ("link-proxy", "chaos.links", (), "link-proxy"),
)

# Every port that may be needed. Those of servers that run elsewhere stay unused.
PORTS: Final = (
    *(f"postgres-{name}" for name in DATABASES),
    "rabbitmq", "rabbitmq-distribution", "epmd",
    "redis",
    "openbao", "openbao-cluster",
    "provider", "payments-gateway", "observer",
    *(f"link-{name}" for name in LINKS),
)  # fmt: skip


class Server(Protocol):
    """A server as `up` prepares, starts and awaits it."""

    @property
    def name(self) -> str: ...

    @property
    def variable(self) -> str:
        """The environment variable that, if it is set, names one elsewhere instead."""

    def prepare(self) -> None:
        """Make data and configuration, while the server does not run."""

    def process(self) -> Process:
        """Return the process that the supervisor runs."""

    def is_ready(self) -> bool:
        """Return whether it answers a real request."""


def local_servers(
    run: RunDirectory, ports: Mapping[str, int], surroundings: Mapping[str, str]
) -> list[Server]:
    """Return the servers to start here: those whose address the surroundings do not set."""
    bao = OpenBao(port=ports["openbao"], cluster_port=ports["openbao-cluster"], run=run)
    servers: list[Server] = [
        Epmd(port=ports["epmd"]),
        RabbitMQ(
            port=ports["rabbitmq"],
            distribution_port=ports["rabbitmq-distribution"],
            epmd_port=ports["epmd"],
            run=run,
        ),
        *(Postgres(database=name, port=ports[f"postgres-{name}"], run=run) for name in DATABASES),
        Redis(port=ports["redis"], run=run),
        bao,
        Unsealer(address=bao.url, run=run),
    ]
    return [server for server in servers if not outside.named(server.variable, surroundings)]


def addresses(
    servers: Sequence[Server],
    ports: Mapping[str, int],
    surroundings: Mapping[str, str],
    *,
    web_port: int,
) -> dict[str, str]:
    """Return every address by the name of its environment variable, local and elsewhere."""
    found: dict[str, str] = {
        "PROVIDER_URL": f"http://127.0.0.1:{ports['provider']}",
        "PAYMENTS_WEBHOOK_URL": f"http://127.0.0.1:{ports['payments-gateway']}/webhooks/provider",
        "OBSERVER_URL": f"http://127.0.0.1:{ports['observer']}",
        "LINK_PORTS": ",".join(f"{name}={ports[f'link-{name}']}" for name in LINKS),
    }
    for server in servers:
        if isinstance(server, Postgres | RabbitMQ | Redis | OpenBao):
            found[server.variable] = server.url
        if isinstance(server, RabbitMQ):
            found["BROKER_USERS"] = "own"
        if isinstance(server, Unsealer):  # which renews them
            found["SECRET_ID_TTL"] = str(SECRET_ID_TTL)
    names = ["BROKER_URL", "REDIS_URL", "VAULT_ADDR", "PROVIDER_URL", "PAYMENTS_WEBHOOK_URL"]
    for name in [*names, *map(address_name, DATABASES)]:
        elsewhere = outside.named(name, surroundings)
        if elsewhere:
            found[name] = elsewhere
    found["PORTFOLIO_PORT"] = str(web_port)
    replicas = outside.named("REPLICAS", surroundings)
    if replicas:
        parse_replicas(replicas)  # nonsense is refused before anything starts
        found["REPLICAS"] = replicas
    return {**found, **settings.recorded(surroundings)}


def needed_packages(surroundings: Mapping[str, str]) -> list[str]:
    """Return the system packages of the servers that will run here."""
    packages = []
    if not outside.named("BROKER_URL", surroundings):
        packages.append("rabbitmq-server")
    if not outside.named("REDIS_URL", surroundings):
        packages.append("redis-server")
    if not all(outside.named(address_name(name), surroundings) for name in DATABASES):
        packages.append("postgresql")
    return packages


def services() -> list[Process]:
    """Return the platform's own processes, as the supervisor runs them."""
    return [
        Process(
            name=name,
            command=(sys.executable, "-m", module, *arguments),
            environment={"VAULT_IDENTITY": identity, "PROCESS_NAME": name},
        )
        for name, module, arguments, identity in (*_workers(), *SERVICES)
    ]


def _workers() -> Iterator[tuple[str, str, tuple[str, ...], str]]:
    """Yield each service's workers, where each replica gets its number, counting from 1."""
    for service in DATABASES:
        names = worker_names(service)
        for number, name in enumerate(names, start=1):
            which = (str(number),) if len(names) > 1 else ()
            yield name, "cluster.worker", (service, *which), service
