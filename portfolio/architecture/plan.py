"""The plan: every node of the platform and every link between two of them, as data.

Positions are in `layout_desktop.py` and `layout_mobile.py`, words in `descriptions.py`, measured
numbers in `queries.py`. A test compares the plan with the processes of `compose/processes.py`.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from cluster.storefront.events import CODES
from compose.replicas import worker_names
from config.environment import DATABASES

# In the order of the rails of the train graph.
STATIONS: Final = DATABASES

# Short names that people type, with the names of the processes.
ALIASES: Final[Mapping[str, str]] = {"gateway": "payments-gateway", "broker": "rabbitmq"}


class Kind(enum.StrEnum):
    """The kind of a node, which decides its shape on the plan."""

    SERVICE = "service"  # a plate: a worker, a relay and a database under one name
    WORKER = "worker"
    RELAY = "relay"
    DATABASE = "database"  # a buffer stop
    BROKER = "broker"  # the double line that all join
    CACHE = "cache"
    SECRETS = "secrets"
    WEB = "web"
    GATEWAY = "gateway"
    PROVIDER = "provider"
    BEAT = "beat"
    OBSERVER = "observer"
    KEEPER = "keeper"  # a process that only looks after others: epmd, the unsealer, …
    BROWSER = "browser"  # the reader's own, outside the platform


class Carriage(enum.StrEnum):
    """The traffic on a link, which decides how its line is drawn."""

    MESSAGES = "messages"  # solid, its weight grows with the measured rate
    REQUESTS = "requests"  # solid and thin: HTTP, SQL, a subscription
    SECRETS = "secrets"  # dotted: leased credentials


@dataclass(frozen=True, slots=True)
class Node:
    """One node. `name` is its address below /architecture/, and for a process the process's name.

    `service` is the service it belongs to, `label` what the plan writes beside it.
    """

    name: str
    kind: Kind
    label: str
    service: str | None = None

    @property
    def is_process(self) -> bool:
        """Return whether the supervisor runs a process of this name."""
        return self.kind not in {Kind.SERVICE, Kind.BROWSER}

    @property
    def code(self) -> str:
        """The three letters of the service it belongs to, or none."""
        return CODES.get(self.service or "", "")

    @property
    def above(self) -> str:
        """The node one level up, or an empty string when that is the whole plan."""
        return self.service if self.service and self.kind is not Kind.SERVICE else ""


@dataclass(frozen=True, slots=True)
class Link:
    """A link from the node that begins an exchange to the node that it calls or sends to.

    `rate` is the path of its measured rate (see `queries.value`), empty where none is
    measured. `says` is one phrase for the table.
    """

    source: str
    target: str
    carries: Carriage
    says: str
    rate: str = ""

    @property
    def name(self) -> str:
        return f"{self.source}>{self.target}"


@dataclass(frozen=True, slots=True)
class Plan:
    """All nodes by name, in reading order, and all links."""

    nodes: Mapping[str, Node]
    links: tuple[Link, ...]

    def processes(self) -> list[Node]:
        return [node for node in self.nodes.values() if node.is_process]

    def parts(self, service: str) -> list[Node]:
        """Return the processes of one service, in the order of the plan."""
        return [node for node in self.processes() if node.service == service]

    def workers(self, service: str) -> list[Node]:
        return [node for node in self.parts(service) if node.kind is Kind.WORKER]

    def links_of(self, name: str) -> list[Link]:
        """Return the links that begin or end at a node, or at a part of it when it is a service."""
        ends = {name}
        if self.nodes[name].kind is Kind.SERVICE:
            ends |= {node.name for node in self.parts(name)}
        return [link for link in self.links if ends & {link.source, link.target}]


@cache
def plan() -> Plan:
    """Return the platform as its settings describe it (REPLICAS sets the number of workers)."""
    nodes = [
        Node("browser", Kind.BROWSER, "your browser"),
        Node("web", Kind.WEB, "web", "site"),
        Node("redis", Kind.CACHE, "Redis"),
        Node("observer", Kind.OBSERVER, "observer"),
        *(node for service in STATIONS for node in _station(service)),
        Node("payments-gateway", Kind.GATEWAY, "payments-gateway", "payments"),
        Node("provider", Kind.PROVIDER, "sandbox provider"),
        Node("rabbitmq", Kind.BROKER, "RabbitMQ"),
        Node("epmd", Kind.KEEPER, "epmd"),
        Node("beat", Kind.BEAT, "beat"),
        Node("watchdog", Kind.KEEPER, "watchdog"),
        Node("link-proxy", Kind.KEEPER, "proxy"),
        Node("chaos-runner", Kind.KEEPER, "runner"),
        Node("openbao", Kind.SECRETS, "OpenBao"),
        Node("unsealer", Kind.KEEPER, "unsealer"),
    ]
    links = [
        Link("browser", "web", Carriage.REQUESTS, "pages over HTTP, two streams over WebSocket"),
        Link("web", "site", Carriage.REQUESTS, "reads the journal, writes what visitors ask for"),
        Link("web", "redis", Carriage.REQUESTS, "the page cache, and a bell for new events"),
        Link("worker-site", "redis", Carriage.REQUESTS, "rings the bell for new events"),
        Link("observer", "web", Carriage.REQUESTS, "one snapshot of everything a second"),
        *(link for service in STATIONS for link in _tracks(service)),
        Link(
            "payments", "payments-gateway", Carriage.REQUESTS, "operations wait as rows, in order"
        ),
        Link(
            "payments-gateway", "provider", Carriage.REQUESTS, "operations out, signed webhooks in"
        ),
        Link("beat", "rabbitmq", Carriage.MESSAGES, "each scheduled task when it is due"),
        Link("link-proxy", "rabbitmq", Carriage.REQUESTS, "in one link's way while it is broken"),
        Link("chaos-runner", "rabbitmq", Carriage.REQUESTS, "breaks what an experiment names"),
        Link("epmd", "rabbitmq", Carriage.REQUESTS, "tells where the Erlang node listens"),
        Link("watchdog", "rabbitmq", Carriage.REQUESTS, "heals what was broken on purpose"),
        Link("unsealer", "openbao", Carriage.REQUESTS, "opens it after each start"),
    ]
    return Plan({node.name: node for node in nodes}, tuple(links))


def _station(service: str) -> list[Node]:
    """Return the nodes of a service: its plate, and its worker, relay and database."""
    workers = worker_names(service)
    return [
        Node(service, Kind.SERVICE, service, service),
        *(
            Node(
                name,
                Kind.WORKER,
                "worker" if len(workers) == 1 else f"worker {number}",
                service,
            )
            for number, name in enumerate(workers, start=1)
        ),
        Node(f"relay-{service}", Kind.RELAY, "relay", service),
        Node(f"postgres-{service}", Kind.DATABASE, "PostgreSQL", service),
    ]


def _tracks(service: str) -> list[Link]:
    """Return the links of a service with the broker, its database and OpenBao."""
    heard = f"s/{service}/consumed_per_second"
    told = f"s/{service}/published_per_second"
    workers = worker_names(service)
    return [
        *(
            Link(
                "rabbitmq",
                worker,
                Carriage.MESSAGES,
                "deliveries from its queue, acknowledged after the commit",
                heard if len(workers) == 1 else "",
            )
            for worker in workers
        ),
        *(
            Link(
                worker,
                service,
                Carriage.MESSAGES,
                "each message applied once, by its inbox",
                heard if len(workers) == 1 else "",
            )
            for worker in workers
        ),
        Link(
            service, f"relay-{service}", Carriage.MESSAGES, "what its outbox holds, in order", told
        ),
        Link(
            f"relay-{service}",
            "rabbitmq",
            Carriage.MESSAGES,
            "published, and deleted after the confirm",
            told,
        ),
        Link(
            service,
            f"postgres-{service}",
            Carriage.REQUESTS,
            "one transaction for inbox, change and outbox",
        ),
        Link("openbao", service, Carriage.SECRETS, "leases the password of its database"),
    ]
