"""The messages that a service consumes and publishes, from the contracts checked at its start."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from cluster.kit.source.resolve import target_of
from cluster.messaging.contract import REGISTRY, Kind, MessageType
from cluster.messaging.work import Handler, ignore
from cluster.services import load_all
from cluster.storefront.events import CODES, Mark, telling


@dataclass(frozen=True)
class Entry:
    """One type of message: the services at the other end, and the words it is displayed with.

    `schema` and `handler` are targets of `locate`. There is no handler for a type that is
    consumed only because others of its aggregate are, and none for a published one.
    """

    name: str
    verb: str
    mark: Mark
    others: tuple[str, ...]  # codes of services
    schema: str
    handler: str = ""


@dataclass(frozen=True)
class Traffic:
    """The messages of one service: commands and events that it consumes, events it publishes."""

    commands: tuple[Entry, ...]
    heard: tuple[Entry, ...]
    announced: tuple[Entry, ...]
    notices: tuple[Entry, ...]  # published by the messaging layer about the service itself


@cache
def traffic(service_name: str) -> Traffic:
    """Return the messages that a service consumes and publishes.

    Raises KeyError for an unknown service.
    """
    services = {service.name: service for service in load_all()}
    service = services[service_name]
    listeners: dict[str, list[str]] = {}
    for other in services.values():
        for name in other.consumes():
            listeners.setdefault(name, []).append(CODES[other.name])
    handlers = {schema.message_type.name: handler for schema, handler in service.handlers.items()}
    taken = [(REGISTRY[name], handler) for name, handler in handlers.items()]
    own = [
        declared
        for declared in REGISTRY.values()
        if declared.owner == service_name and declared.kind is Kind.EVENT
    ]
    return Traffic(
        commands=tuple(_taken(it, h) for it, h in taken if it.kind is Kind.COMMAND),
        heard=tuple(_taken(it, h) for it, h in taken if it.kind is Kind.EVENT),
        announced=tuple(_said(it, listeners) for it in own if it.aggregate != "notice"),
        notices=tuple(_said(it, listeners) for it in own if it.aggregate == "notice"),
    )


def _taken(declared: MessageType, handler: Handler) -> Entry:
    return _entry(
        declared,
        others=(CODES[declared.owner],) if declared.kind is Kind.EVENT else (),
        handler="" if handler is ignore else target_of(handler),
    )


def _said(declared: MessageType, listeners: dict[str, list[str]]) -> Entry:
    return _entry(declared, others=tuple(listeners.get(declared.name, ())))


def _entry(declared: MessageType, *, others: tuple[str, ...], handler: str = "") -> Entry:
    told = telling(declared.name)
    return Entry(
        name=declared.name,
        verb=str(told.verb) if told else "",
        mark=told.mark if told else Mark.UNKNOWN,
        others=others,
        schema=f"message:{declared.name}",
        handler=handler,
    )
