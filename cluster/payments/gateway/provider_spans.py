"""The spans of requests to the provider and of its answers.

A request holds operations of many traces, and each trace has a span of its own for it. The ids
follow from the operation's key and the event's id, so that a repetition has the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final
from uuid import UUID

from cluster.messaging.message_spans import nanoseconds
from cluster.messaging.tracing import note_span, send_within
from cluster.messaging.work import UnitOfWork
from cluster.payments.domain.payment import Payment
from cluster.payments.provider_api import OPERATIONS_PATH, Operation, ProviderEvent
from cluster.tracing.context import SpanContext, derived, read, sampled_among
from cluster.tracing.recorder import Kind, Span, record

SERVICE: Final = "payments"


def asked(
    operations: Sequence[Operation], commands: Mapping[UUID, str], began: int, now: int
) -> None:
    """Record that the provider has accepted operations (times in ns of the epoch).

    `commands` are the traceparents of the commands behind them, by the operations' keys.
    """
    sampled = sampled_among((operation, commands.get(operation.key)) for operation in operations)
    if sampled:
        record(partial(_request_spans, sampled, began, now))


def heard_in(work: UnitOfWork, event: ProviderEvent, payment: Payment) -> None:
    """Send the messages that follow from an event in the span of its webhook."""
    provider = read(event.traceparent)
    if provider is None:
        return
    webhook = provider.within(derived(str(event.id), "heard"))
    send_within(work, payment.origin.correlation, webhook)
    if provider.sampled:
        began = nanoseconds(work.now)
        note_span(
            work,
            Span(
                f"webhook {event.type}",
                Kind.SERVER,
                webhook.trace_id,
                webhook.span_id,
                provider.span_id,
                began,
                began,  # until the commit
                {
                    "http.request.method": "POST",
                    "cloudevents.event_id": str(event.id),
                    "payment.event": event.type.value,
                    "payment.id": str(event.payment),
                },
            ),
        )


def _request_spans(
    operations: Sequence[tuple[Operation, SpanContext]], began: int, now: int
) -> list[Span]:
    return [
        Span(
            f"ask provider to {operation.kind}",
            Kind.CLIENT,
            command.trace_id,
            derived(str(operation.key), "asked"),
            derived(command.span_id, SERVICE),
            began,
            now,
            {
                "http.request.method": "POST",
                "url.path": OPERATIONS_PATH,
                "payment.operation": operation.kind.value,
                "payment.id": str(operation.payment),
                "payment.idempotency_key": str(operation.key),
            },
        )
        for operation, command in operations
    ]
