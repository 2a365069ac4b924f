"""The AsyncAPI document: every registered message type, with its senders and receivers.

Nothing in it is written by hand: types, owners and payloads come from the registry of contracts,
receivers from the handler tables of the services. One channel is one stream, the commands or the
events of one owner's aggregate, since a service that consumes one event of an aggregate consumes
them all.

The registry knows the owner of a message type: it publishes an event, and carries a command out.
The registry does not know who sends a command, so no operation says so.
Source: https://www.asyncapi.com/docs/reference/specification/v3.0.0
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from inspect import cleandoc
from typing import Any, Final, TypeAlias

import msgspec

import cluster.messaging.system_events  # noqa: F401 - its types join the registry as it is imported
from cluster.messaging.contract import REGISTRY, ContractError, Kind, MessageType
from cluster.messaging.envelope import CONTENT_TYPE, UUID_PATTERN, Envelope, dataschema
from cluster.messaging.service import Service
from cluster.messaging.topology import EXCHANGE

Document: TypeAlias = dict[str, Any]

VERSION: Final = "1.0.0"  # of the document as a whole; each message type carries its own
ENVELOPE: Final = "CloudEvent"
SERVER: Final = "broker"
LOGIN: Final = "broker_login"
HEADERS: Final = "DeliveryHeaders"
VHOST: Final = "cluster"
BINDING: Final = "0.3.0"  # https://github.com/asyncapi/bindings/tree/master/amqp

DESCRIPTION: Final = """\
Every message is a CloudEvents 1.0 envelope in structured JSON mode on one topic exchange; the
routing key is the envelope's `type`. `sequence` counts the messages of one source and subject
from 1 without a gap. Delivery is at least once: a consumer knows a message by its `id`.

Commands are received by their owner. Who sends one is not part of its contract.
"""

# The descriptions that the envelope's field types do not carry.
ATTRIBUTES: Final[dict[str, Document]] = {
    "id": {"description": "A UUIDv7, unique and sorted by the time of its making."},
    "source": {"description": "The service that sent it."},
    "type": {"description": "The message type, which is also the routing key."},
    "time": {"format": "date-time", "description": "When it was announced."},
    "subject": {"description": "What it speaks of: <aggregate>/<uuid>."},
    "dataschema": {"format": "uri-reference", "description": "The payload's schema, in here."},
    "correlationid": {"description": "The saga that it belongs to."},
    "causationid": {"description": "The message that caused it; absent when none did."},
    "sequence": {
        "minimum": 1,
        "description": "Its place among the messages of one source and subject.",
    },
    "traceparent": {"description": "W3C Trace Context, when the sender had one."},
    "specversion": {"const": "1.0"},
    "datacontenttype": {"const": "application/json"},
}


@dataclass(frozen=True)
class Stream:
    """The commands, or the events, of one owner's aggregate: one channel."""

    owner: str
    aggregate: str
    kind: Kind
    types: tuple[MessageType, ...]

    @property
    def name(self) -> str:
        return f"{self.owner}.{self.aggregate}.{self.kind}s"


def document(services: Sequence[Service]) -> Document:
    """Return the whole document for `services`.

    These must be all services, so that the registry is filled. Raises ContractError when two
    message types would share the name of a schema.
    """
    declared = sorted(REGISTRY.values(), key=lambda known: known.name)
    streams = _streams(declared)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Working Timetable: the messages of the cluster",
            "version": VERSION,
            "description": DESCRIPTION,
            "license": {"name": "MIT", "url": "https://opensource.org/license/mit"},
        },
        "defaultContentType": CONTENT_TYPE,
        "servers": {SERVER: _server()},
        "channels": {stream.name: _channel(stream) for stream in streams},
        "operations": dict(_operations(services, streams)),
        "components": {
            "schemas": _schemas(declared),
            "messages": {known.name: _message(known) for known in declared},
            "securitySchemes": {LOGIN: {"type": "userPassword"}},
        },
    }


def _streams(declared: Iterable[MessageType]) -> list[Stream]:
    members: dict[tuple[str, str, Kind], list[MessageType]] = {}
    for known in declared:
        members.setdefault((known.owner, known.aggregate, known.kind), []).append(known)
    return [Stream(*key, tuple(types)) for key, types in sorted(members.items())]


def _server() -> Document:
    return {
        "host": "{address}",
        "pathname": f"/{VHOST}",
        "protocol": "amqp",
        "protocolVersion": "0-9-1",
        "description": "RabbitMQ; BROKER_URL names it, and Vault keeps its credentials.",
        "variables": {
            "address": {"default": "127.0.0.1:5672", "description": "Host and port of the broker."}
        },
        "security": [_ref("securitySchemes", LOGIN)],
    }


def _channel(stream: Stream) -> Document:
    """Return one stream as a channel of the document.

    The exchange's routing key is the address with its parameter filled in.
    """
    verbs = [known.name.partition(".")[2] for known in stream.types]
    return {
        "address": f"{stream.owner}.{{{stream.kind}}}",
        "title": f"{stream.kind.capitalize()}s of {stream.owner}'s {stream.aggregate}",
        "parameters": {
            str(stream.kind): {"enum": verbs, "description": "Verb and version of the type."}
        },
        "messages": {known.name: _ref("messages", known.name) for known in stream.types},
        "servers": [{"$ref": f"#/servers/{SERVER}"}],
        "tags": [{"name": stream.owner}, {"name": str(stream.kind)}],
        "bindings": {
            "amqp": {
                "is": "routingKey",
                "exchange": {
                    "name": EXCHANGE,
                    "type": "topic",
                    "durable": True,
                    "autoDelete": False,
                    "vhost": VHOST,
                },
                "bindingVersion": BINDING,
            }
        },
    }


def _operations(
    services: Sequence[Service], streams: Sequence[Stream]
) -> Iterator[tuple[str, Document]]:
    for service in services:
        for stream in streams:
            if stream.kind is Kind.EVENT and stream.owner == service.name:
                yield f"{service.name}.send.{stream.name}", _send(service, stream)
            heard = _heard(service, stream)
            if heard:
                yield f"{service.name}.receive.{stream.name}", _receive(service, stream, heard)


def _heard(service: Service, stream: Stream) -> list[MessageType]:
    """Return the types of a stream that a service's queue is bound to.

    The queue of the journal is bound to all of them.
    """
    if service.journals:
        return list(stream.types)
    consumed = service.consumes()
    return [known for known in stream.types if known.name in consumed]


def _send(service: Service, stream: Stream) -> Document:
    return {
        "action": "send",
        **_operation(service, stream, stream.types),
        "summary": f"{service.name} publishes the events of its {stream.aggregate}.",
        "bindings": {
            "amqp": {"deliveryMode": 2, "mandatory": True, "bindingVersion": BINDING},
        },
    }


def _receive(service: Service, stream: Stream, heard: Sequence[MessageType]) -> Document:
    purpose = "records" if service.journals else "applies"
    what = f"{stream.owner}'s {stream.aggregate}"
    return {
        "action": "receive",
        **_operation(service, stream, heard),
        "summary": f"{service.name} {purpose} the {stream.kind}s of {what}.",
        "bindings": {"amqp": {"ack": True, "bindingVersion": BINDING}},
        "x-queue": service.queue,
    }


def _operation(service: Service, stream: Stream, types: Sequence[MessageType]) -> Document:
    channel = f"#/channels/{stream.name}"
    return {
        "channel": {"$ref": channel},
        "messages": [{"$ref": f"{channel}/messages/{known.name}"} for known in types],
        "tags": [{"name": service.name, "description": f"Rail {service.code}"}],
    }


def _message(known: MessageType) -> Document:
    """Return one type as a message: the envelope, with the values that this type fixes in it."""
    fixed: Document = {
        "type": {"const": known.name},
        "subject": {"pattern": f"^{known.aggregate}/{UUID_PATTERN}$"},
        "dataschema": {"const": dataschema(known)},
        "data": _ref("schemas", known.schema.__name__),
    }
    if known.kind is Kind.EVENT:
        fixed["source"] = {"const": known.owner}
    # AsyncAPI allows a tag once, and the aggregate of checkout is named checkout as well.
    tags = dict.fromkeys((known.owner, known.aggregate, str(known.kind)))
    said = cleandoc(known.schema.__doc__ or "").partition("\n\n")[0].replace("\n", " ")
    return {
        "name": known.name,
        "title": known.schema.__name__,
        **({"summary": said} if said else {}),
        "contentType": CONTENT_TYPE,
        "headers": _ref("schemas", HEADERS),
        "correlationId": {"location": "$message.payload#/correlationid"},
        "payload": {"allOf": [_ref("schemas", ENVELOPE), {"properties": fixed}]},
        "tags": [{"name": tag} for tag in tags],
        "bindings": {"amqp": {"messageType": known.name, "bindingVersion": BINDING}},
    }


def _schemas(declared: Sequence[MessageType]) -> Document:
    names = [ENVELOPE, HEADERS, *(known.schema.__name__ for known in declared)]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ContractError(f"several message types have a schema named {', '.join(repeated)}")
    _, payloads = msgspec.json.schema_components(
        [known.schema for known in declared], ref_template="#/components/schemas/{name}"
    )
    return {ENVELOPE: _envelope(), HEADERS: _headers(), **payloads}


def _envelope() -> Document:
    """Return the schema of the envelope on the wire, where constant attributes are written out."""
    _, found = msgspec.json.schema_components([Envelope], ref_template="{name}")
    schema: Document = found[Envelope.__name__]
    properties: Document = {}
    for name, attribute in schema["properties"].items():
        # An attribute that has no value is left out, never null (CloudEvents 1.0, section 3.1).
        kinds = [kind for kind in attribute.get("anyOf", [attribute]) if kind.get("type") != "null"]
        kept = {key: value for key, value in kinds[0].items() if key != "default"}
        properties[name] = kept | ATTRIBUTES.get(name, {})
    properties["data"] = {"type": "object", "description": "The payload, by its own schema."}
    return {
        "title": ENVELOPE,
        "description": "CloudEvents 1.0 in structured JSON mode, with this cluster's extensions.",
        "type": "object",
        "properties": properties,
        "required": [*schema["required"], "specversion", "datacontenttype"],
    }


def _headers() -> Document:
    """Return the schema of the headers that a relay adds for the broker.

    A consumer needs none of them.
    """
    key = "The subject's id, by which the replicas of a service share its messages."
    return {
        "title": HEADERS,
        "type": "object",
        "properties": {
            "subject": {"type": "string", "description": "As in the envelope."},
            "partitionkey": {"type": "string", "format": "uuid", "description": key},
        },
        "required": ["subject"],
    }


def _ref(section: str, name: str) -> dict[str, str]:
    return {"$ref": f"#/components/{section}/{name}"}
