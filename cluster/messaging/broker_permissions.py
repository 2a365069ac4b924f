"""The rights of each account at the broker, and the document by which the broker takes them.

A right is a regular expression: over names of queues and exchanges for configure, write and read,
and over routing keys for the exchanges whose keys tell who speaks. Binding a queue asks for write
on the queue and read on the exchange; declaring one that dead-letters, for write on that exchange
too. Looking at a queue (a passive declare) asks for nothing.
Source: https://www.rabbitmq.com/docs/access-control
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final

from cluster.messaging.service import Service
from cluster.messaging.topology import DEAD_EXCHANGE, EXCHANGE, QUEUES
from cluster.secrets.broker_accounts import IDENTITY_OF

NOTHING: Final = "^$"
DEMO: Final = r"demo\..+"  # queues that a demo makes, each for one connection
CONFIRMS: Final = r"observer\.confirms"


@dataclass(frozen=True, slots=True)
class Topics:
    """The routing keys that may be published to one exchange, and those that may be bound there."""

    write: str = NOTHING
    read: str = NOTHING


@dataclass(frozen=True, slots=True)
class Rights:
    """The rights of one account. On an exchange that `topics` leave out, every key is allowed."""

    configure: str = NOTHING
    write: str = NOTHING
    read: str = NOTHING
    topics: Mapping[str, Topics] = field(default_factory=dict)


def rights(services: Sequence[Service]) -> dict[str, Rights]:
    """Return the rights of every account but the operator's, which may do everything."""
    found = {
        "beat": Rights(
            write=_names(QUEUES), topics={QUEUES: Topics(write=_to(".+", r"[a-z]+\.tasks"))}
        ),
        "web": _own_queues(DEMO),
        "observer": _own_queues(CONFIRMS),
        "runner": Rights(),
        "auditor": Rights(),
    }
    for service in services:
        found[f"worker-{service.name}"] = _of_worker(service)
        found[f"relay-{service.name}"] = _of_relay(service)
    assert set(found) == set(IDENTITY_OF), "each account has its rights"
    return found


def definitions(
    granted: Mapping[str, Rights], hashes: Mapping[str, str], vhost: str
) -> dict[str, Any]:
    """Return users with these rights and hashes of passwords, as RabbitMQ imports them.

    Importing it again closes no connection.
    """
    return {
        "users": [
            {
                "name": account,
                "password_hash": hashes[account],
                "hashing_algorithm": "rabbit_password_hashing_sha256",
                "tags": "",  # none administers, by whatever plugin
            }
            for account in granted
        ],
        "permissions": [
            {
                "user": account,
                "vhost": vhost,
                "configure": right.configure,
                "write": right.write,
                "read": right.read,
            }
            for account, right in granted.items()
        ],
        "topic_permissions": [
            {
                "user": account,
                "vhost": vhost,
                "exchange": exchange,
                "write": topics.write,
                "read": topics.read,
            }
            for account, right in granted.items()
            for exchange, topics in right.topics.items()
        ],
    }


def _of_worker(service: Service) -> Rights:
    """Return the rights to declare, bind and read the service's own queues.

    It publishes nothing: what it has to say leaves by the outbox.
    """
    consumed = rf"{re.escape(service.queue)}(\.(\d+|partitions))?"
    addressed = _any_of([service.queue, service.task_queue])
    own = rf"{consumed}|{_any_of([service.dead_queue, service.task_queue])}"
    keys = "#" if service.journals else _any_of(service.consumes())
    return Rights(
        configure=f"^({own})$",
        write=f"^({own}|{re.escape(DEAD_EXCHANGE)})$",
        read=f"^({own}|{_any_of([EXCHANGE, DEAD_EXCHANGE, QUEUES])})$",
        topics={
            EXCHANGE: Topics(read=f"^{keys}$"),
            QUEUES: Topics(read=_to("#", addressed)),
        },
    )


def _of_relay(service: Service) -> Rights:
    """Return the rights to publish what the service may say, and its own dead letters once more."""
    types = f"({'|'.join([_types_of(service.name), *_commands_of(service)])})"
    everybody = r"[a-z]+\.(inbox|journal)"
    return Rights(
        write=_names(EXCHANGE, QUEUES),
        topics={
            EXCHANGE: Topics(write=f"^{types}$"),
            QUEUES: Topics(write=f"{_to(types, everybody)}|{_to('.*', re.escape(service.queue))}"),
        },
    )


def _types_of(owner: str, verbs: str = "[a-z_]+") -> str:
    return rf"{owner}\.{verbs}\.v\d+"


def _commands_of(service: Service) -> Iterator[str]:
    """Yield an expression for each owner of commands that the service sends.

    Short ones: the broker compiles the whole anew for each message with a type that it has not
    seen lately.
    """
    declared = sorted({schema.message_type.name for schema in service.commands})
    for owner, names in groupby(declared, key=lambda name: name.partition(".")[0]):
        yield _types_of(owner, _any_of(name.split(".")[1] for name in names))


def _own_queues(name: str) -> Rights:
    """Return the rights to queues of this name, and to send to them."""
    return Rights(
        configure=f"^{name}$",
        write=f"^({name}|{re.escape(QUEUES)})$",
        read=f"^({name}|{re.escape(QUEUES)})$",
        topics={QUEUES: Topics(write=_to("[a-z]+", name), read=_to("#", name))},
    )


def _to(types: str, queues: str) -> str:
    """Return the keys by which messages of these types are addressed to these queues."""
    return rf"^{types}\.to\.{queues}$"


def _names(*names: str) -> str:
    return f"^{_any_of(names)}$"


def _any_of(names: Iterable[str]) -> str:
    return f"({'|'.join(re.escape(name) for name in sorted(names))})"
