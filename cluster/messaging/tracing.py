"""Traces messages: gives each its place in a trace, and records the spans of what happens to it.

docs/adr/0022-tracing.md
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Final
from uuid import UUID

import msgspec

from cluster.messaging.contract import Kind
from cluster.messaging.envelope import Envelope
from cluster.messaging.message_spans import (
    Begun,
    Sent,
    is_sampled,
    nanoseconds,
    process_spans,
    publish_spans,
    spans_of_work,
)
from cluster.messaging.middleware import Middleware, Received
from cluster.messaging.work import Outgoing, UnitOfWork
from cluster.tracing.context import (
    SpanContext,
    current_request,
    current_span_context,
    derived,
    named_after,
    random_half,
    read,
    sampling_ratio,
)
from cluster.tracing.recorder import Span, record

_STATE: Final = "tracing"


@dataclass(slots=True)
class _Trace:
    """The tracing of one unit of work: the spans to record, and those to send within."""

    spans: list[Sent | Begun | Span] = field(default_factory=list)
    within: dict[UUID, SpanContext] = field(default_factory=dict)


def send_within(work: UnitOfWork, correlation: UUID, context: SpanContext) -> None:
    """Send messages of a correlation in this span, if they are in its trace."""
    _of(work).within[correlation] = context


def note_span(work: UnitOfWork, span: Span) -> None:
    """Record a span that lasts until the unit of work commits."""
    _of(work).spans.append(span)


class Tracing(Middleware):
    """Records a span for each message that is sent, published or processed, if it is sampled."""

    def write(self, work: UnitOfWork, message: Outgoing, envelope: Envelope) -> Envelope:
        trace = _of(work)
        parent, above = _parent(trace, message, envelope)
        context = parent.within(random_half(envelope.id))
        traced = msgspec.structs.replace(envelope, traceparent=context.traceparent)
        if parent.sampled:
            trace.spans.append(Sent(traced, parent.span_id if above else None))
        return traced

    def committed(self, work: UnitOfWork) -> None:
        trace: _Trace | None = work.state.get(_STATE)
        if trace is not None and trace.spans:
            began, now = nanoseconds(work.now), time.time_ns()
            record(partial(spans_of_work, tuple(trace.spans), began, now))

    @contextmanager
    def applying(self, service: str, envelope: Envelope) -> Iterator[None]:
        sent = read(envelope.traceparent)
        if sent is None:
            yield
            return
        token = current_span_context.set(sent.within(derived(sent.span_id, service)))
        try:
            yield
        finally:
            current_span_context.reset(token)

    def processed(self, service: str, received: Sequence[Received], *, error: str = "") -> None:
        sampled = [
            (envelope, arrived)
            for envelope, arrived in received
            if (sent := read(envelope.traceparent)) is not None and sent.sampled
        ]
        if sampled:
            record(partial(process_spans, service, sampled, time.time_ns(), error))

    def published(self, bodies: Sequence[bytes], at: int) -> None:
        sampled = [body for body in bodies if is_sampled(body)]
        if sampled:
            record(partial(publish_spans, sampled, at))


def _of(work: UnitOfWork) -> _Trace:
    trace: _Trace | None = work.state.get(_STATE)
    if trace is None:
        trace = work.state[_STATE] = _Trace()
    return trace


def _parent(trace: _Trace, message: Outgoing, envelope: Envelope) -> tuple[SpanContext, bool]:
    """Return the span context in which a message is sent, and whether it has a span.

    In this order: the span given to `send_within`; the one in which this service processed the
    message behind this one; the HTTP request; the root of the correlation's trace.
    """
    behind = read(message.traceparent)
    within = trace.within.get(message.correlation)
    if within is not None and (behind is None or behind.trace_id == within.trace_id):
        return within, True
    if behind is not None and not behind.sampled:
        return behind, True  # no span will ask for its parent
    if behind is not None:
        return behind.within(derived(behind.span_id, envelope.source)), True
    request = current_request.get()
    if request is not None:
        return request.join(message.correlation), True
    root = named_after(message.correlation, ratio=sampling_ratio.get())
    if message.payload.message_type.kind is Kind.EVENT:
        # Scheduled work on an aggregate that an earlier message of the same trace is about.
        return root, message.correlation == message.subject_id and envelope.sequence > 1
    trace.within[message.correlation] = root
    if root.sampled:
        name = message.payload.message_type.name.split(".")[1].replace("_", " ")
        trace.spans.append(Begun(name, root.trace_id, root.span_id))
    return root, True
