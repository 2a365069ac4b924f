"""The description of each node: its purpose, its patterns, and their source.

A source is a target as the source pages have them: `module:qualified.name`, or a path from the
root of the repository. A test resolves them all.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from compose.processes import services
from portfolio.architecture.plan import Kind, Node


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern that a node shows: its usual name, one sentence, and where it is written."""

    name: str
    sentence: str
    source: str


@dataclass(frozen=True, slots=True)
class Knowledge:
    """The purpose of a node in a sentence or two, and its patterns. `command` runs it."""

    purpose: str
    patterns: tuple[Pattern, ...] = ()
    source: str = ""
    command: str = ""


OUTBOX: Final = Pattern(
    "Transactional outbox",
    "A change and the messages that announce it are rows of one transaction: both or neither.",
    "cluster.messaging.outbox:flush",
)
CONFIRMS: Final = Pattern(
    "Publisher confirms",
    "A row leaves the outbox only after the broker has confirmed that the message was routed.",
    "cluster.messaging.publisher:Publisher.publish",
)
ONE_RELAY: Final = Pattern(
    "One active relay",
    "An advisory lock lets one relay drain an outbox; a second one stands by for it.",
    "cluster.messaging.relay:Relay._lead",
)
INBOX: Final = Pattern(
    "Idempotent inbox",
    "The message’s id is recorded in the transaction of its effects: a repeat changes nothing.",
    "cluster.messaging.inbox:Inbox",
)
ORDER: Final = Pattern(
    "Order for each aggregate",
    "A message that comes before an earlier one of its subject is parked until that arrives.",
    "cluster.messaging.streams:park",
)
DEAD_LETTERS: Final = Pattern(
    "Dead letters as rows",
    "What cannot be applied is kept with the reason, and can be replayed without loss.",
    "cluster.messaging.dead_letters:file_dead_letter",
)
LEASES: Final = Pattern(
    "Leased credentials",
    "A database password ends within minutes; sessions change over between transactions.",
    "cluster.secrets.postgres:DatabaseSession.transaction",
)
BACK_PRESSURE: Final = Pattern(
    "Bounded prefetch",
    "A worker holds two batches at most; the rest waits in the queue.",
    "cluster.messaging.consumer:QueueConsumer",
)

_SERVICES: Final[Mapping[str, Knowledge]] = {
    "site": Knowledge(
        "Keeps the journal: every message of the cluster, once, numbered without a gap. "
        "Accepts what visitors ask for, through an outbox of its own.",
        (
            Pattern(
                "Journal",
                "One writer numbers what it hears; the stream to browsers resumes by number.",
                "cluster.storefront.journal.recorder:record",
            ),
            Pattern(
                "Read models",
                "What the journal says of checkouts and products is kept as tables for the pages.",
                "cluster.storefront.journal.read_models:update_read_models",
            ),
            OUTBOX,
            LEASES,
        ),
        "cluster.storefront.service:SERVICE",
    ),
    "identity": Knowledge(
        "Knows each visitor’s spending limit, and sets part of it aside while a checkout runs.",
        (
            Pattern(
                "Erasure, fanned out",
                "Asks every service to forget a visitor, and asks again until each has answered.",
                "cluster.identity.erasure:ask_again",
            ),
            INBOX,
            OUTBOX,
            LEASES,
        ),
        "cluster.identity.service:SERVICE",
    ),
    "catalog": Knowledge(
        "Knows the stock. Nothing can be sold twice: an item is available, reserved or sold.",
        (
            Pattern(
                "Reservation with an end",
                "Stock that is set aside and never paid for comes back by the clock.",
                "cluster.catalog.schedule:expire_reservations",
            ),
            INBOX,
            OUTBOX,
            LEASES,
        ),
        "cluster.catalog.service:SERVICE",
    ),
    "orders": Knowledge(
        "Confirms the order of a checkout, and opens and closes refunds.",
        (
            Pattern(
                "Saga by choreography",
                "A refund has no coordinator: each service acts on what it hears; orders counts.",
                "cluster.orders.refunds:request_refund",
            ),
            INBOX,
            OUTBOX,
            LEASES,
        ),
        "cluster.orders.service:SERVICE",
    ),
    "payments": Knowledge(
        "Authorises, captures, voids and pays back, and books every penny twice.",
        (
            Pattern(
                "Double-entry ledger",
                "Each fact moves money between two accounts, so that the sum is always zero.",
                "cluster.payments.domain.ledger:entries",
            ),
            Pattern(
                "Late answers undone",
                "An authorisation that comes after the checkout gave up is returned at once.",
                "cluster.payments.domain.payment:hear",
            ),
            INBOX,
            OUTBOX,
            LEASES,
        ),
        "cluster.payments.service:SERVICE",
    ),
    "checkout": Knowledge(
        "Leads each checkout through the others, step by step, and back again when one refuses.",
        (
            Pattern(
                "Saga by orchestration",
                "Steps, deadlines and compensations are data, checked when the process starts.",
                "cluster.checkout.definition:CHECKOUT",
            ),
            Pattern(
                "Decisions without I/O",
                "What a saga does next is a pure function of its state and the reply.",
                "cluster.sagas.engine:on_reply",
            ),
            INBOX,
            OUTBOX,
            LEASES,
        ),
        "cluster.checkout.service:SERVICE",
    ),
}

_KINDS: Final[Mapping[Kind, Knowledge]] = {
    Kind.WORKER: Knowledge(
        "Takes messages from the service’s queue, applies them in batches, and runs its clock.",
        (INBOX, ORDER, DEAD_LETTERS, BACK_PRESSURE),
        "cluster.worker:build",
    ),
    Kind.RELAY: Knowledge(
        "Takes messages from the service’s outbox to the broker, in the order of the commits.",
        (CONFIRMS, ONE_RELAY),
        "cluster.messaging.relay:Relay",
    ),
    Kind.DATABASE: Knowledge(
        "A PostgreSQL server of the service’s own: when it dies, one service stands still.",
        (
            LEASES,
            Pattern(
                "Database per service",
                "Nobody else can read the tables: a service has the password of its own alone.",
                "cluster.secrets.policies:policy",
            ),
        ),
        "compose.servers.postgres:Postgres",
        "postgres",
    ),
    Kind.BROKER: Knowledge(
        "Carries every message: one topic exchange, a durable quorum queue for each service.",
        (
            Pattern(
                "Quorum queues",
                "A full queue refuses the publisher and never drops; the outbox keeps the rest.",
                "cluster.messaging.topology:declare",
            ),
            Pattern(
                "Dead-letter queues",
                "What is delivered twenty times in vain goes to the service’s own.",
                "cluster.messaging.dead_letters:given_up_by_broker",
            ),
        ),
        "compose.servers.rabbitmq:RabbitMQ",
        "rabbitmq-server",
    ),
    Kind.CACHE: Knowledge(
        "A page cache and a bell that wakes the stream. It may die at any time: the site then "
        "looks at the journal once a second.",
        (
            Pattern(
                "Wake-up that may be lost",
                "The bell only saves waiting: the journal is looked at anyway.",
                "cluster.storefront.stream.tail:JournalTail",
            ),
        ),
        "compose.servers.redis:Redis",
        "redis-server",
    ),
    Kind.SECRETS: Knowledge(
        "Holds every secret, and leases database passwords that end by themselves.",
        (
            Pattern(
                "Least privilege as data",
                "Each identity may read what it needs; the policies are a table.",
                "cluster.secrets.policies:policy",
            ),
            LEASES,
        ),
        "compose.servers.openbao:OpenBao",
        "bao server",
    ),
    Kind.WEB: Knowledge(
        "Serves these pages and both streams to browsers. It keeps nothing that a restart loses.",
        (
            Pattern(
                "A stream that proves it has no gap",
                "Browsers say the last number they have seen, and are given what comes after it.",
                "cluster.storefront.stream.consumer:StreamConsumer",
            ),
            Pattern(
                "Back-pressure to the browser",
                "What a browser does not take is held back; one that takes nothing is cut off.",
                "portfolio.server:SendGate",
            ),
        ),
        "portfolio.server:main",
    ),
    Kind.GATEWAY: Knowledge(
        "Speaks with the payment provider: sends operations, checks and commits its webhooks.",
        (
            Pattern(
                "Circuit breaker",
                "After failures it pauses, longer each time, then tries one request.",
                "cluster.payments.domain.breaker:Breaker",
            ),
            Pattern(
                "Webhooks committed before answered",
                "A webhook is signed, recorded by its id, applied once, and then acknowledged.",
                "cluster.payments.gateway.receiver:Receiver",
            ),
            Pattern(
                "Reconciliation",
                "What the provider has not answered for long is asked for.",
                "cluster.payments.gateway.reconciliation:Reconciliation",
            ),
        ),
        "cluster/payments/gateway/__main__.py",
    ),
    Kind.PROVIDER: Knowledge(
        "The payment provider, which stands outside: it has books of its own and speaks only "
        "HTTP. It is a sandbox of ours that answers late, twice or never when a card asks for it.",
        (
            Pattern(
                "Idempotency keys",
                "An operation sent twice is decided once.",
                "cluster.payments.sandbox.books:Books.accept",
            ),
        ),
        "cluster.payments.sandbox.server:Provider",
    ),
    Kind.BEAT: Knowledge(
        "The clock: sends each scheduled task to its service when it is due.",
        (
            Pattern(
                "Tasks that expire",
                "After an outage each task runs once, not once for every period that was missed.",
                "cluster.beat:schedule",
            ),
        ),
        "cluster.beat:build",
    ),
    Kind.OBSERVER: Knowledge(
        "Asks every part about once a second how it is. Every number on this plan is from it.",
        (),
        "cluster.health.observer.assemble:snapshot",
    ),
    Kind.BROWSER: Knowledge("Where you are reading this.", (), ""),
}

_KEEPERS: Final[Mapping[str, Knowledge]] = {
    "epmd": Knowledge(
        "Erlang’s port mapper, which RabbitMQ’s node registers with.",
        (),
        "compose.servers.rabbitmq:Epmd",
        "epmd",
    ),
    "unsealer": Knowledge(
        "Opens OpenBao whenever it is sealed: at its first start, and after each restart.",
        (),
        "compose.unsealer:open_if_sealed",
        "python -m compose.unsealer",
    ),
    "watchdog": Knowledge(
        "Heals whatever is broken on purpose once its time is up, whoever else is dead. It knows "
        "only files, and needs no database, no broker and no web server.",
        (
            Pattern(
                "Armed before it is injected",
                "What will be broken is on the disk before anything is.",
                "chaos.faults.engine:Engine.inject",
            ),
        ),
        "chaos.watchdog.watchdog:Watchdog",
    ),
    "chaos-runner": Knowledge(
        "Runs the experiments that visitors and the owner ask for, one at a time: the load, the "
        "fault, the probes before, during and after, and the proof.",
        (
            Pattern(
                "One at a time",
                "A lock on a file, which the command line takes too; all others wait in a queue.",
                "chaos.runner.lock:RunLock",
            ),
        ),
        "chaos.runner.runner:Runner",
    ),
    "link-proxy": Knowledge(
        "Listens for every link and is in nobody’s way, until a network fault leads one service’s "
        "connections through it: cut, late, or swallowed.",
        (
            Pattern(
                "A detour that ends by itself",
                "Clients ask where to connect each time; an entry whose time is up is ignored.",
                "config.fault_routes:detoured",
            ),
        ),
        "chaos.links.proxy:LinkProxy",
    ),
}


def knowledge(node: Node) -> Knowledge:
    """Return the description of a node."""
    if node.kind is Kind.SERVICE:
        return _SERVICES[node.name]
    if node.kind is Kind.KEEPER:
        return _KEEPERS[node.name]
    return _KINDS[node.kind]


def command_of(node: Node) -> str:
    """Return the command that runs a process, without the path of this machine's Python."""
    return _own_commands().get(node.name, knowledge(node).command)


@cache
def _own_commands() -> dict[str, str]:
    return {
        process.name: " ".join(
            "python" if word == sys.executable else word for word in process.command
        )
        for process in services()
    }
