"""The envelope: CloudEvents 1.0 in structured JSON mode.

Attributes follow https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md. `sequence` is
the ordering extension, `traceparent` the distributed tracing extension. `correlationid` names the
saga, `causationid` the message that caused this one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

import msgspec
import uuid_utils.compat

from cluster.messaging.contract import MessageType, Payload, message_type

CONTENT_TYPE: Final = "application/cloudevents+json"

# The limits of tables, routing keys and pages: a message beyond them is refused on reading.
LARGEST_BODY: Final = 1 << 20  # bytes
LONGEST_TEXT: Final = 255  # bytes of UTF-8: a routing key of AMQP
LAST_SEQUENCE: Final = (1 << 31) - 1  # PostgreSQL's integer
DEEPEST_DATA: Final = 64  # objects and arrays within each other
# Far from the edges of every type that a time is converted to on its way.
EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)
# The characters that CloudEvents allows in no attribute (section "Type System").
_FORBIDDEN: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_TEXTS: Final = (
    "source",
    "type",
    "subject",
    "dataschema",
    "traceparent",
    "specversion",
    "datacontenttype",
)
P_co = TypeVar("P_co", bound=Payload, covariant=True)

UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")


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


TIME_ORDERED: Final = 7  # the version of a UUID that sorts by the time of its making
UUID_PATTERN: Final = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_UUID: Final = re.compile(UUID_PATTERN)
_encoder: Final = msgspec.json.Encoder()
_envelope_decoder: Final = msgspec.json.Decoder(Envelope)
_payload_decoders: Final[dict[type[Payload], msgspec.json.Decoder[Any]]] = {}


def new_message_id() -> UUID:
    """Return a UUIDv7 (RFC 9562, section 5.7), unique and sorted by the time of its making."""
    return uuid_utils.compat.uuid7()


def first_id_at(moment: datetime) -> UUID:
    """Return the first UUIDv7 of a moment: those made before it are less."""
    milliseconds = int(moment.timestamp() * 1000)
    return UUID(int=milliseconds << 80 | 0x7 << 76 | 0x8 << 60)


def is_older(id_: UUID, age: timedelta, now: datetime) -> bool:
    """Return whether a UUIDv7 was made longer ago than `age`. Of another id it is not known."""
    return id_.version == TIME_ORDERED and id_ < first_id_at(now - age)


def dataschema(declared: MessageType) -> str:
    """Return the address of a type's schema in the AsyncAPI document that the site serves."""
    return f"/asyncapi.json#/components/schemas/{declared.schema.__name__}"


def encode_payload(payload: Payload) -> msgspec.Raw:
    return msgspec.Raw(_encoder.encode(payload))


def encode_envelope(envelope: Envelope) -> bytes:
    """Return the bytes that go on the wire.

    Required attributes with defaults are written out.
    """
    fields = {name: getattr(envelope, name) for name in envelope.__struct_fields__}
    return _encoder.encode({name: value for name, value in fields.items() if value is not None})


def decode_envelope(body: bytes) -> Envelope:
    """Read an envelope.

    Raises InvalidMessage, which names the part that does not fit.
    """
    if len(body) > LARGEST_BODY:
        raise InvalidMessage(f"{len(body)} bytes are more than the {LARGEST_BODY} allowed")
    try:
        envelope = _envelope_decoder.decode(body)
        data = msgspec.json.decode(envelope.data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidMessage(f"not a CloudEvents envelope: {error}") from error
    _check_attributes(envelope)
    if body.count(b"{") + body.count(b"[") > DEEPEST_DATA and _deeper(data, DEEPEST_DATA):
        raise InvalidMessage(f"data is nested deeper than {DEEPEST_DATA} levels")
    return envelope


def _check_attributes(envelope: Envelope) -> None:
    """Raise InvalidMessage when an attribute cannot be stored and shown as it is."""
    for name in _TEXTS:
        text = getattr(envelope, name)
        if text is not None and not text.isprintable() and _FORBIDDEN.search(text):
            raise InvalidMessage(f"{name} holds a character that CloudEvents does not allow")
        if text is not None and len(text.encode()) > LONGEST_TEXT:
            raise InvalidMessage(f"{name} is longer than {LONGEST_TEXT} bytes")
    if envelope.specversion != "1.0":
        raise InvalidMessage(f"specversion {envelope.specversion!r} is not 1.0")
    if envelope.sequence < 1:
        raise InvalidMessage(f"sequence {envelope.sequence} is less than 1")
    if envelope.sequence > LAST_SEQUENCE:
        raise InvalidMessage(f"sequence {envelope.sequence} is more than {LAST_SEQUENCE}")
    if not is_sane(envelope.time):
        raise InvalidMessage(
            f"time {envelope.time.isoformat()} has no offset, or is not between "
            f"{EARLIEST.year} and {LATEST.year}"
        )


def is_sane(time: datetime) -> bool:
    """Return whether a time has an offset and fits every type that it is converted to."""
    return time.tzinfo is not None and EARLIEST <= time < LATEST


def _deeper(value: Any, levels: int) -> bool:
    """Return whether objects and arrays are nested more than `levels` deep.

    It does not recurse, so no depth exhausts Python's stack.
    """
    layer = [value]
    for _ in range(levels + 1):
        nested = [one for one in layer if isinstance(one, dict | list)]
        if not nested:
            return False
        layer = [
            inner for one in nested for inner in (one.values() if isinstance(one, dict) else one)
        ]
    return True


def decode_message(envelope: Envelope) -> Message[Payload]:
    """Check the payload against its type's schema and return the message.

    Raises InvalidMessage or UnknownMessageType.
    """
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


def storable_text(text: str) -> str:
    """Return `text` with U+FFFD for each character that PostgreSQL's text cannot hold."""
    return UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text)
