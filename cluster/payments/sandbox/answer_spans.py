"""The provider's part of a trace: from the acceptance of an operation to its delivered answer."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from cluster.payments.provider_api import ProviderEvent
from cluster.tracing.context import SpanContext, derived, sampled_among
from cluster.tracing.recorder import Kind, Span, record

# An event, its operation's traceparent, and the time of acceptance (seconds of the epoch).
Answer = tuple[ProviderEvent, str | None, float]


def answered(answers: Sequence[Answer], now: int) -> None:
    """Record that the receiver has accepted answers (`now` in ns of the epoch)."""
    sampled = sampled_among(((event, at), traceparent) for event, traceparent, at in answers)
    if sampled:
        record(partial(_spans, sampled, now))


def _spans(
    answers: Sequence[tuple[tuple[ProviderEvent, float], SpanContext]], now: int
) -> list[Span]:
    return [
        Span(
            f"provider {event.type}",
            Kind.SERVER,
            operation.trace_id,
            derived(str(event.id), "answered"),
            operation.span_id,
            int(accepted_at * 1_000_000_000),
            now,
            {
                "payment.event": event.type.value,
                "payment.id": str(event.payment),
                "payment.idempotency_key": str(event.operation),
            },
        )
        for (event, accepted_at), operation in answers
    ]
