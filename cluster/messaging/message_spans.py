"""The spans of a message: sent, published, processed.

Names and attributes follow OpenTelemetry's semantic conventions for messaging and CloudEvents:
https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/ Where a convention's word
differs from ours, both are there: our `send`, a row in the outbox, is its operation type `create`,
and our `publish` is its `send`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from cluster.messaging.envelope import Envelope, InvalidMessage, decode_envelope
from cluster.tracing.context import derived, read
from cluster.tracing.recorder import AttributeValue, Kind, Span

PUBLISHED: Final = "published"
_SAMPLED: Final = b'"traceparent":"00-'
_FLAGS_AT: Final = len(_SAMPLED) + 32 + 1 + 16 + 1  # characters behind its beginning
_ODD: Final = b"13579bdf"


class Sent(NamedTuple):
    """A message that was written to the outbox inside the span `parent`."""

    envelope: Envelope
    parent: str | None


class Begun(NamedTuple):
    """A trace that began here, without an HTTP request."""

    name: str
    trace_id: str
    span_id: str


def nanoseconds(moment: datetime) -> int:
    """Return a moment in nanoseconds of the epoch, without a float's rounding."""
    whole = int(moment.timestamp())
    return whole * 1_000_000_000 + moment.microsecond * 1_000


def attributes_of(envelope: Envelope) -> dict[str, AttributeValue]:
    """Return the attributes that every span of a message carries."""
    return {
        "messaging.system": "rabbitmq",
        "messaging.destination.name": "cluster.events",
        "messaging.rabbitmq.destination.routing_key": envelope.type,
        "messaging.message.id": str(envelope.id),
        "messaging.message.conversation_id": str(envelope.correlationid),
        "cloudevents.event_id": str(envelope.id),
        "cloudevents.event_source": envelope.source,
        "cloudevents.event_type": envelope.type,
        "cloudevents.event_subject": envelope.subject,
    }


def is_sampled(body: bytes) -> bool:
    at = body.find(_SAMPLED)
    if at < 0:
        return False
    flags = body[at + _FLAGS_AT : at + _FLAGS_AT + 2]
    return len(flags) == 2 and flags[1] in _ODD  # noqa: PLR2004 - two hexadecimal digits


def spans_of_work(noted: Sequence[Sent | Begun | Span], began: int, now: int) -> Iterator[Span]:
    for one in noted:
        match one:
            case Span():
                yield one._replace(end=now)
            case Begun():
                yield Span(one.name, Kind.INTERNAL, one.trace_id, one.span_id, None, began, now, {})
            case Sent(envelope, parent):
                place = read(envelope.traceparent)
                if place is None:
                    continue
                yield Span(
                    f"send {envelope.type}",
                    Kind.PRODUCER,
                    place.trace_id,
                    place.span_id,
                    parent,
                    began,
                    now,
                    {
                        **attributes_of(envelope),
                        "messaging.operation.name": "send",
                        "messaging.operation.type": "create",
                    },
                )


def process_spans(
    service: str, received: Sequence[tuple[Envelope, int]], now: int, error: str
) -> Iterator[Span]:
    # The site's journal consumes every message and applies none.
    word = "receive" if service == "site" else "process"
    for envelope, arrived in received:
        place = read(envelope.traceparent)
        if place is None:
            continue
        yield Span(
            f"{word} {envelope.type}",
            Kind.CONSUMER,
            place.trace_id,
            derived(place.span_id, service),
            place.span_id,
            arrived,
            now,
            {
                **attributes_of(envelope),
                "messaging.operation.name": word,
                "messaging.operation.type": word,
                "messaging.consumer.group.name": service,
                "messaging.batch.message_count": len(received),
            },
            error,
        )


def publish_spans(bodies: Sequence[bytes], now: int) -> Iterator[Span]:
    for body in bodies:
        try:
            envelope = decode_envelope(body)
        except InvalidMessage:
            continue
        place = read(envelope.traceparent)
        if place is None:
            continue
        yield Span(
            f"publish {envelope.type}",
            Kind.PRODUCER,
            place.trace_id,
            derived(place.span_id, PUBLISHED),
            place.span_id,
            # The row was created by the transaction whose time the envelope bears.
            nanoseconds(envelope.time),
            now,
            {
                **attributes_of(envelope),
                "messaging.operation.name": "publish",
                "messaging.operation.type": "send",
                "messaging.message.body.size": len(body),
                "messaging.batch.message_count": len(bodies),
            },
        )
