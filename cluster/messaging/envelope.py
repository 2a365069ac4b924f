"""The envelope: CloudEvents 1.0 in structured JSON mode.

Attributes follow https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md;
`sequence` is the ordering extension, `traceparent` the distributed tracing
extension. `correlationid` names the saga, `causationid` the message that caused this one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

import msgspec
import uuid_utils.compat

from cluster.messaging.contract import MessageType, Payload, message_type

CONTENT_TYPE: Final = "application/cloudevents+json"
P_co = TypeVar("P_co", bound=Payload, covariant=True)


class Envelope(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One message on the wire. `subject` is `<aggregate>/<id>`.

    `sequence` counts from 1 without a gap within one (source, subject).
    """

    id: UUID
    source: str
    type: str
    subject: str
    time: datetime
    dataschema: str
    correlationid: UUID
    sequence: int
    data: msgspec.Raw
    causationid: UUID | None = None
    traceparent: str | None = None
    specversion: str = msgspec.field(default="1.0")
    datacontenttype: str = msgspec.field(default="application/json")


@dataclass(frozen=True)
class Message(Generic[P_co]):
    """An envelope with its payload decoded and checked against the contract."""

    envelope: Envelope
    payload: P_co

    @property
    def id(self) -> UUID:
        return self.envelope.id

    @property
    def correlation(self) -> UUID:
        return self.envelope.correlationid

    @cached_property
    def subject_id(self) -> UUID:
        """The id part of the subject."""
        return UUID(self.envelope.subject.partition("/")[2])


class InvalidMessage(ValueError):
    """The bytes are not an envelope, or the payload does not fit its schema."""


UUID_PATTERN: Final = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_UUID: Final = re.compile(UUID_PATTERN)
_encoder: Final = msgspec.json.Encoder()
_envelope_decoder: Final = msgspec.json.Decoder(Envelope)
_payload_decoders: Final[dict[type[Payload], msgspec.json.Decoder[Any]]] = {}


def new_message_id() -> UUID:
    """A UUIDv7 (RFC 9562, section 5.7): unique, and sorted by the time of its making."""
    return uuid_utils.compat.uuid7()


def dataschema(declared: MessageType) -> str:
    """The address of a type's schema in the AsyncAPI document the site serves."""
    return f"/asyncapi.json#/components/schemas/{declared.schema.__name__}"


def encode_payload(payload: Payload) -> msgspec.Raw:
    return msgspec.Raw(_encoder.encode(payload))


def encode_envelope(envelope: Envelope) -> bytes:
    """The bytes that go on the wire. Required attributes with defaults are written out."""
    fields = {name: getattr(envelope, name) for name in envelope.__struct_fields__}
    return _encoder.encode({name: value for name, value in fields.items() if value is not None})


def decode_envelope(body: bytes) -> Envelope:
    """Read an envelope; raises InvalidMessage with the place that does not fit."""
    try:
        envelope = _envelope_decoder.decode(body)
    except msgspec.MsgspecError as error:
        raise InvalidMessage(f"not a CloudEvents envelope: {error}") from error
    if envelope.specversion != "1.0":
        raise InvalidMessage(f"specversion {envelope.specversion!r} is not 1.0")
    if envelope.sequence < 1:
        raise InvalidMessage(f"sequence {envelope.sequence} is less than 1")
    return envelope


def decode_message(envelope: Envelope) -> Message[Payload]:
    """Check the payload against its type's schema; raises InvalidMessage or UnknownMessageType."""
    declared = message_type(envelope.type)
    aggregate, _, identifier = envelope.subject.partition("/")
    if aggregate != declared.aggregate or not _UUID.fullmatch(identifier):
        raise InvalidMessage(
            f"{envelope.type} speaks of {declared.aggregate}/<uuid>, not of {envelope.subject!r}"
        )
    schema = declared.schema
    decoder = _payload_decoders.get(schema)
    if decoder is None:
        decoder = _payload_decoders[schema] = msgspec.json.Decoder(schema)
    try:
        return Message(envelope, decoder.decode(envelope.data))
    except msgspec.MsgspecError as error:
        raise InvalidMessage(f"{envelope.type}: {error}") from error
